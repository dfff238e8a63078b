//! LightPHE as a process, asked over a pipe.

use std::path::Path;

use e2e_tests::python;
use serde_json::{Value, json};

/// A running LightPHE with one key pair.
pub struct Peer(python::Peer);

impl Peer {
    /// Starts it from the folder that `LIGHTPHE` names.
    pub fn start() -> Self {
        let mut command = python::command("lightphe/driver.py", "LIGHTPHE");
        Self(python::Peer::start(&mut command))
    }

    /// A key of its own on a prime, with g = 2, into a file.
    pub fn make(&mut self, p: &str, x: &str, key_file: &Path) {
        self.ask(json!({"op": "make", "p": p, "x": x, "key_file": key_file}));
    }

    /// A key as it makes them, into a file.
    pub fn generate(&mut self, key_size: u32, key_file: &Path) {
        self.ask(json!({"op": "generate", "key_size": key_size, "key_file": key_file}));
    }

    /// Goes on with the key in a file.
    pub fn load(&mut self, key_file: &Path) {
        self.ask(json!({"op": "load", "key_file": key_file}));
    }

    /// A ciphertext `{"c1", "c2"}`, like those below.
    pub fn encrypt(&mut self, m: i64) -> Value {
        self.ask(json!({"op": "encrypt", "m": m}))
    }

    /// The same of a float.
    pub fn encrypt_float(&mut self, m: f64) -> Value {
        self.ask(json!({"op": "encrypt", "m": m}))
    }

    /// `a + b`.
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.ask(json!({"op": "add", "a": a, "b": b}))
    }

    /// `a * k`.
    pub fn scale(&mut self, a: &Value, k: i64) -> Value {
        self.ask(json!({"op": "scale", "a": a, "k": k}))
    }

    /// The same plaintext in another ciphertext.
    pub fn regenerate(&mut self, a: &Value) -> Value {
        self.ask(json!({"op": "regenerate", "a": a}))
    }

    /// The plaintext, which is not negative, or this never ends.
    pub fn decrypt(&mut self, a: &Value) -> i64 {
        let m = self.ask(json!({"op": "decrypt", "a": a}));
        m.as_i64().expect("a small number")
    }

    fn ask(&mut self, request: Value) -> Value {
        self.0.tell(&request);
        let mut answer = self.0.answer();
        assert!(answer.get("error").is_none(), "{request}: {answer}");
        answer["ok"].take()
    }
}
