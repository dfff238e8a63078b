//! Reads the files of test vectors in `tests/vectors`: JSON, bytes as hexadecimal strings, in each
//! file the source it comes from. A file that lacks what a test asks for fails the test.

use std::{format, fs, path::PathBuf, string::String, vec::Vec};

use serde_json::Value;

/// Where the files are.
pub fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors"]
        .iter()
        .collect()
}

/// One object of a file, or a whole file.
pub struct Case(Value);

#[allow(
    dead_code,
    reason = "the unit tests and the integration tests use a part of it each"
)]
impl Case {
    /// The file of that name, once it has named its source and what of it was left out.
    pub fn file(name: &str) -> Self {
        let text = fs::read_to_string(folder().join(name)).expect("the file is there");
        let file = Self(serde_json::from_str(&text).expect("the file is JSON"));
        let source = Self(file.get("source").clone());
        for field in ["document", "section", "version", "licence", "left_out"] {
            assert!(!source.text(field).is_empty(), "{name} has no {field}");
        }
        file
    }

    /// The objects of a list that is not empty.
    pub fn cases(&self, field: &str) -> Vec<Self> {
        self.list(field).iter().cloned().map(Self).collect()
    }

    /// The object of a field.
    pub fn case(&self, field: &str) -> Self {
        Self(self.get(field).clone())
    }

    /// Bytes.
    pub fn bytes(&self, field: &str) -> Vec<u8> {
        parse_hex(self.get(field))
    }

    /// As many bytes as the caller expects.
    pub fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field)
            .try_into()
            .unwrap_or_else(|_| panic!("{field} has not {N} bytes"))
    }

    /// A list of byte strings that is not empty.
    pub fn byte_strings(&self, field: &str) -> Vec<Vec<u8>> {
        self.list(field).iter().map(parse_hex).collect()
    }

    /// A string that stands for itself.
    pub fn text(&self, field: &str) -> &str {
        self.get(field).as_str().expect("a string")
    }

    /// A list of strings that is not empty.
    pub fn texts(&self, field: &str) -> Vec<&str> {
        let texts = self.list(field).iter();
        texts.map(|text| text.as_str().expect("a string")).collect()
    }

    /// A number that fits its type.
    pub fn number<T: TryFrom<u64>>(&self, field: &str) -> T {
        let number = self.get(field).as_u64().expect("a number");
        T::try_from(number).unwrap_or_else(|_| panic!("{field} is too large"))
    }

    /// Whether the field is there.
    pub fn has(&self, field: &str) -> bool {
        self.0.get(field).is_some()
    }

    /// Whether a correct program accepts this case. One that it must refuse names the fault.
    pub fn is_valid(&self) -> bool {
        match self.text("result") {
            "valid" => true,
            "invalid" => {
                assert!(!self.text("fault").is_empty(), "a fault without a name");
                false
            }
            other => panic!("{other} is no result"),
        }
    }

    /// What a test says when this case fails.
    pub fn name(&self) -> String {
        let fault = if self.has("fault") {
            self.text("fault")
        } else {
            "valid"
        };
        format!("case {}: {fault}", self.get("tc"))
    }

    fn list(&self, field: &str) -> &[Value] {
        let list = self.get(field).as_array().expect("a list");
        assert!(!list.is_empty(), "{field} is empty");
        list
    }

    fn get(&self, field: &str) -> &Value {
        self.0
            .get(field)
            .unwrap_or_else(|| panic!("there is no {field}"))
    }
}

fn parse_hex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hexadecimal")
}
