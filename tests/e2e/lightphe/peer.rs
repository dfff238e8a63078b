//! LightPHE as a process, asked over a pipe.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// A running LightPHE with one key pair. Dropping it ends it.
pub struct Peer {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it from the folder that `LIGHTPHE` names.
    pub fn start() -> Self {
        let folder = std::env::var_os("LIGHTPHE").expect("LIGHTPHE names its folder");
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/lightphe/driver.py");
        let mut child = Command::new("python3")
            .arg(driver)
            .env("PYTHONPATH", folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        Self {
            requests: child.stdin.take().expect("piped"),
            answers: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
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
        writeln!(self.requests, "{request}").expect("it listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        let mut answer: Value = serde_json::from_str(&line).expect("an answer in JSON");
        assert!(answer.get("error").is_none(), "{request}: {answer}");
        answer["ok"].take()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
