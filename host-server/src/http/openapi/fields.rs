//! What the fields of documents may hold, by name: a name means the same wherever it stands.

use core_nostd::{
    account::SEALED_NID_LEN,
    book::{CAP_MAX, MIN_ENTRIES_MAX, NAME_LEN_MAX},
};
use serde_json::{Value, json};

use crate::http::{
    append::ENTRIES_LEN_MAX, extract::POSITION_MAX, keys::SCOPES_MAX, sum::PARTS_MAX,
};

/// 32 bytes.
const HEX_32: &str = "^[0-9a-fA-F]{64}$";
/// 16 bytes.
const HEX_16: &str = "^[0-9a-fA-F]{32}$";
/// What a key may do.
const SCOPE: &str = "^(read|teller|admin|post:open|post:[0-9a-fA-F]{32})$";
/// Minor units.
const INTEGER: &str = "^-?[0-9]{1,39}$";
/// Bytes in base64url without padding; unused bits of the last digit are 0.
const BASE64URL: &str =
    "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]|[A-Za-z0-9_-][AQgw])?$";

/// Adds to every field of a schema, however deep, what is known of its name.
pub fn refine(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(fields)) = members.get_mut("properties") {
                for (name, field) in fields {
                    refine_field(name, field);
                }
            }
            members.values_mut().for_each(refine);
        }
        Value::Array(items) => items.iter_mut().for_each(refine),
        _ => {}
    }
}

/// Adds to the schema of a field what is known of its name.
pub fn refine_field(name: &str, schema: &mut Value) {
    if schema["pattern"].is_string() {
        return;
    }
    let is = |kind: &str| match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    };
    let more = if is("string") {
        text(name)
    } else if is("integer") {
        number(name)
    } else if is("array") && name == "entries" {
        json!({ "minItems": 1, "maxItems": ENTRIES_LEN_MAX })
    } else if is("array") && name == "accounts" && schema["items"]["type"] == "string" {
        let item = json!({ "type": "string", "pattern": HEX_32 });
        json!({ "items": item, "minItems": 1, "maxItems": PARTS_MAX })
    } else if is("array") && name == "spans" {
        json!({ "minItems": 1, "maxItems": PARTS_MAX })
    } else if is("array") && name == "scopes" {
        let item = json!({ "type": "string", "pattern": SCOPE });
        json!({ "items": item, "minItems": 1, "maxItems": SCOPES_MAX })
    } else {
        return;
    };
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        // `int64` and its like say less than the bounds do, and wrongly of unsigned numbers.
        schema.remove("format");
        // A page has bounds of its own.
        let bounds = if name == "limit" {
            schema.remove("maximum")
        } else {
            None
        };
        schema.extend(more);
        schema.extend(bounds.map(|most| ("maximum".to_owned(), most)));
    }
}

/// Leaves out `null`, which a parameter in a query can't be.
pub fn not_null(schema: &mut Value) {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            schema["type"] = only.clone();
        }
    }
}

fn text(name: &str) -> Value {
    match name {
        "book" | "account" | "handle" | "after" | "hash" => json!({ "pattern": HEX_32 }),
        "writer" | "entry" | "id" => json!({ "pattern": HEX_16 }),
        "suite" => json!({ "enum": ["ristretto255", "ffdhe2048", "ffdhe3072"] }),
        "kind" => json!({ "enum": ["authenticated", "open"] }),
        "currency" => json!({ "pattern": "^[A-Z]{3}$" }),
        "name" => json!({ "minLength": 1, "maxLength": NAME_LEN_MAX }),
        "bound" | "minor" => json!({ "pattern": INTEGER }),
        "sealed_nid" => {
            let len = (SEALED_NID_LEN * 4).div_ceil(3);
            json!({ "pattern": BASE64URL, "minLength": len, "maxLength": len })
        }
        "mac" => json!({ "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$" }),
        "public_key" | "c1" | "c2" | "tag" | "account_tag" | "d" | "proof_c" | "proof_s" => {
            json!({ "pattern": BASE64URL })
        }
        // A number of a cut (a position in an open book), or a time.
        "from" | "to" => json!({
            "anyOf": [{ "pattern": "^(0|[1-9][0-9]{0,14})$" }, { "format": "date-time" }],
        }),
        host_api::teller::IDEMPOTENCY_KEY => json!({ "pattern": "^[!-~]{16,128}$" }),
        _ => json!({}),
    }
}

fn number(name: &str) -> Value {
    let (least, most) = match name {
        "cap" => (1, CAP_MAX),
        "min_entries" => (1, u64::from(MIN_ENTRIES_MAX)),
        "scale" => (0, 4),
        "window" => (1, u64::from(crate::teller::WINDOW_BITS_MAX)),
        "status" => (400, 599),
        "tries_left" | "books" => (0, 255),
        "limit" => (1, POSITION_MAX),
        _ => (0, POSITION_MAX),
    };
    json!({ "minimum": least, "maximum": most })
}
