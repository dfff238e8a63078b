use std::{fs, path::Path, process::Command};

use core_nostd::{
    book::{BookKind, BookRules},
    ciphersuite::{Ciphersuite, Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, SuiteId},
    currency::Currency,
    group::Group,
    ids::{Handle, WriterId},
    keys::{Hedge, Nonce, RootSeed},
    statement::{Header, Scope, Span},
    tag::LastPosition,
};
use host_api as api;
use host_server::{ledger::Book, verify};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde::Deserialize;
use serde_json::{Value, json};

const WRITERS: [WriterId; 2] = [WriterId([1; 16]), WriterId([2; 16])];
const ACCOUNT: Handle = Handle([3; 32]);

#[test]
fn both_verifiers_agree_about_ristretto255() {
    check_verifiers_agree::<Ristretto255Sha512>();
}

#[test]
fn both_verifiers_agree_about_ffdhe2048() {
    check_verifiers_agree::<Ffdhe2048Sha512>();
}

#[test]
fn both_verifiers_agree_about_ffdhe3072() {
    check_verifiers_agree::<Ffdhe3072Sha512>();
}

/// Totals, balances and open sums verify for both; with any one field changed, for neither. Powers
/// modulo long primes take Python long, so there fewer statements are changed.
fn check_verifiers_agree<S: Ciphersuite>() {
    let (book, total) = statement::<S>(BookKind::Authenticated, -120_050, false);
    let (_, zero) = statement::<S>(BookKind::Authenticated, 0, true);
    let (open_book, open) = statement::<S>(BookKind::Open, 7, false);
    let sound = [
        (&book, total.clone()),
        (&book, zero.clone()),
        (&open_book, open.clone()),
    ];
    assert_eq!(
        opinions(&sound),
        ["EUR -1200.50", "EUR 0.00", "EUR 0.07"].map(|amount| Ok(amount.to_owned()))
    );

    let mut changed = Vec::new();
    let originals = match S::ID {
        SuiteId::Ristretto255 => vec![(&book, total), (&book, zero), (&open_book, open)],
        SuiteId::Ffdhe2048 => vec![(&book, total)],
        _ => Vec::new(),
    };
    for (book, statement) in originals {
        for path in leaves(&statement) {
            let mut one = statement.clone();
            let leaf = one.pointer_mut(&path).expect("a path of its own");
            *leaf = other(leaf);
            changed.push((path, book, one));
        }
    }
    // The book of a statement is compared with the server's by its id, elsewhere.
    changed.retain(|(path, ..)| !path.starts_with("/book/") || path == "/book/public_key");
    let cases: Vec<_> = changed
        .iter()
        .map(|(_, book, statement)| (*book, statement.clone()))
        .collect();
    for ((path, ..), opinion) in changed.iter().zip(opinions(&cases)) {
        assert!(
            opinion.is_err(),
            "{}: {path} was changed: {opinion:?}",
            S::ID
        );
    }
}

/// What both verifiers say, who must agree on whether; the amounts are the Python one's.
fn opinions(cases: &[(&Book, Value)]) -> Vec<Result<String, String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let files: Vec<_> = (0..cases.len())
        .map(|i| folder.path().join(format!("{i}.json")))
        .collect();
    for ((_, statement), file) in cases.iter().zip(&files) {
        fs::write(file, statement.to_string()).expect("room for a file");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_statement.py");
    let output = Command::new("python3").arg(script).args(&files).output();
    let output = output.expect("Python 3 is installed");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let theirs: Vec<_> = text.lines().collect();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(theirs.len(), cases.len(), "{text}{said}");

    let mut opinions = Vec::new();
    for ((book, statement), line) in cases.iter().zip(theirs) {
        let ours = ours(book, statement);
        let theirs = match line.strip_prefix("refused: ") {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(line.to_owned()),
        };
        assert_eq!(
            ours.is_ok(),
            theirs.is_ok(),
            "{ours:?}, {theirs:?}: {statement}"
        );
        opinions.push(theirs);
    }
    opinions
}

/// What this project says; its server takes the public key from its own books.
fn ours(book: &Book, statement: &Value) -> Result<(), String> {
    let parsed = api::Statement::deserialize(statement).map_err(|error| error.to_string())?;
    let book = Book {
        public_key: parsed.book.public_key.0.clone(),
        ..book.clone()
    };
    verify::statement(&book, &parsed).map_err(|error| error.to_string())
}

/// A statement of `minor` cents in a book of its own, as JSON.
fn statement<S: Ciphersuite>(kind: BookKind, minor: i64, balance: bool) -> (Book, Value) {
    let rules = BookRules {
        suite: S::ID,
        kind,
        currency: Currency::from_code("EUR").expect("in use"),
        cap: 1_000_000,
        min_entries: 4,
        name: "Käsebrot",
    };
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let key = RootSeed::random(&mut rng).secret_key::<S>(&rules.id());
    let ciphertext = key.encrypt(minor, Nonce::random(&mut rng));
    let [one, two] = WRITERS;
    let spans = [(one, 0, 4), (two, 16, 21)].map(|(writer, from, to)| Span { writer, from, to });
    let last = [(one, Some(7)), (two, None)].map(|(writer, seq)| LastPosition { writer, seq });
    let (count, scope) = match kind {
        BookKind::Authenticated if balance => (
            0,
            Scope::Balance {
                account: ACCOUNT,
                last: &last,
            },
        ),
        BookKind::Authenticated => (9, Scope::Total(&spans)),
        _ => (12, Scope::Open),
    };
    let header = Header {
        number: 3,
        book: rules.id(),
        public_key: key.public_key(),
        count,
        scope,
        ciphertext,
        d: key.decrypt_to_element(&ciphertext),
    };
    let proof = header.prove(&key, &Hedge::from_bytes(&[4; 32]), &mut rng);
    let (proof_c, proof_s) = proof.to_bytes();
    let (c1, c2) = ciphertext.to_bytes();
    let base64 = |bytes: &[u8]| json!(api::Base64::from(bytes));
    let public_key = header.public_key.to_bytes();
    let amount = format!(
        "{}{}.{:02}",
        sign(minor),
        minor.abs() / 100,
        minor.abs() % 100
    );
    let json = json!({
        "format": "tallystick-statement-v1",
        "book": {
            "book": rules.id().to_string(), "suite": S::ID.name(), "kind": kind.name(),
            "currency": "EUR", "scale": 2, "cap": 1_000_000, "min_entries": 4,
            "name": "Käsebrot", "public_key": base64(public_key.as_ref()),
        },
        "number": 3, "count": count, "scope": scope_json(scope),
        "c1": base64(c1.as_ref()), "c2": base64(c2.as_ref()),
        "d": base64(S::Group::encode(&header.d).as_ref()),
        "proof_c": base64(proof_c.as_ref()), "proof_s": base64(proof_s.as_ref()),
        "minor": minor.to_string(), "amount": amount,
    });
    let book = Book {
        suite: rules.suite,
        kind,
        currency: rules.currency,
        cap: rules.cap,
        min_entries: rules.min_entries,
        name: rules.name.to_owned(),
        public_key: public_key.as_ref().to_vec(),
    };
    (book, json)
}

fn sign(minor: i64) -> &'static str {
    if minor < 0 { "-" } else { "" }
}

fn scope_json(scope: Scope<'_>) -> Value {
    match scope {
        Scope::Total(spans) => json!({ "total": { "ranges": each(spans, range_json) } }),
        Scope::Balance { account, last } => {
            let last = each(last, position_json);
            json!({ "balance": { "account": account.to_string(), "last": last } })
        }
        Scope::Open => json!("open"),
    }
}

fn range_json(Span { writer, from, to }: &Span) -> Value {
    json!({ "writer": writer.to_string(), "from": from, "to": to })
}

fn position_json(LastPosition { writer, seq }: &LastPosition) -> Value {
    json!({ "writer": writer.to_string(), "seq": seq })
}

fn each<T>(items: &[T], to_json: impl Fn(&T) -> Value) -> Vec<Value> {
    items.iter().map(to_json).collect()
}

/// The paths of everything in a document that is not a list or an object.
fn leaves(value: &Value) -> Vec<String> {
    let below = |key: String, value| {
        leaves(value)
            .into_iter()
            .map(move |path| format!("/{key}{path}"))
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| below(key.clone(), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(i, value)| below(i.to_string(), value))
            .collect(),
        _ => vec![String::new()],
    }
}

/// A neighbour of the value: the next number, the text with another first character.
fn other(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_u64().expect("not negative") + 1),
        Value::Null => json!(0),
        Value::String(text) => {
            let (first, rest) = text.split_at(1);
            json!(format!("{}{rest}", if first == "1" { "2" } else { "1" }))
        }
        _ => unreachable!("a leaf"),
    }
}
