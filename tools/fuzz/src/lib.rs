//! One function for each decoder, which asserts what has to hold of every input whatever.
//!
//! A function returns whether it took the input for a value. It panics if the decoder is wrong: if
//! it panics itself, allocates without a bound, or takes two encodings for one value. The same
//! functions run under libFuzzer (`fuzz_targets`) and over the committed corpus (`tests`).
#![forbid(unsafe_code)]

mod algebra;
#[path = "../../../firmware/token/tests/token/bench.rs"]
#[allow(dead_code, reason = "the token's own tests use the rest")]
mod bench;
mod claim;
mod commands;
mod frame;
mod hostile;
mod json;
#[path = "../../../firmware/token/tests/token/ledger.rs"]
#[allow(dead_code, reason = "the token's own tests use the rest")]
mod ledger;
mod lightphe;
mod message;
mod seal;
pub mod seeds;
mod statement;
mod suite;
mod table;
mod text;

/// What a target is: bytes to whether they were a value.
pub type Target = fn(&[u8]) -> bool;

/// Every target by its name: that of its file in `fuzz_targets` and of its folder in `corpus`.
pub const TARGETS: [(&str, Target); 21] = [
    ("amount", text::amount),
    ("ciphertext", algebra::ciphertext),
    ("claim", claim::claim),
    ("commands", commands::commands),
    ("discrete_log_table", table::discrete_log_table),
    ("element", algebra::element),
    ("entries", message::entries),
    ("event", message::event),
    ("frame", frame::frame),
    ("identifier", text::identifier),
    ("json", json::json),
    ("lightphe_text", lightphe::lightphe_text),
    ("nid", text::nid),
    ("proof", algebra::proof),
    ("request", message::request),
    ("response", message::response),
    ("rules", message::rules),
    ("scalar", algebra::scalar),
    ("sealed_nid", seal::sealed_nid),
    ("share", text::share),
    ("statement", statement::statement),
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    let found = TARGETS.iter().find(|(its_name, _)| *its_name == name);
    found.map(|(_, target)| *target)
}

/// Defines what libFuzzer calls: the whole of a file in `fuzz_targets`.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        static TARGET: std::sync::LazyLock<$crate::Target> =
            std::sync::LazyLock::new(|| $crate::target($name).expect("a target of that name"));

        libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            TARGET(data);
        });
    };
}

/// Runs a decoder of the core, which has no heap.
fn without_heap<T>(decode: impl FnOnce() -> T) -> T {
    within_heap(0, decode)
}

/// Runs a decoder that may hold so many bytes of heap at a time.
fn within_heap<T>(bytes_max: usize, decode: impl FnOnce() -> T) -> T {
    let mut value = None;
    let used = allocation_counter::measure(|| value = Some(decode()));
    assert!(
        used.bytes_max <= bytes_max as u64,
        "{} bytes of heap, at most {bytes_max} are allowed for this input",
        used.bytes_max
    );
    value.expect("the closure has run")
}
