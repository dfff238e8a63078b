//! Randomness of tests that look for trouble at random: the seed is printed, so that what was found
//! can be looked at again.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io::Write,
};

pub use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

/// A generator with the seed of the environment variable `TEST_SEED`, or with a new one.
#[must_use]
pub fn generator(test: &str) -> ChaCha20Rng {
    let seed = match std::env::var("TEST_SEED") {
        Ok(seed) => seed.parse().expect("TEST_SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    report(test, format_args!("TEST_SEED={seed}"));
    ChaCha20Rng::seed_from_u64(seed)
}

/// A number below `bound`, near enough to uniform for a test.
pub fn below(rng: &mut ChaCha20Rng, bound: usize) -> usize {
    let bound = u64::try_from(bound).expect("a usize");
    usize::try_from(rng.next_u64() % bound).expect("below a usize")
}

/// Tells a figure of a test on the terminal, also when the test passes.
pub fn report(test: &str, line: std::fmt::Arguments<'_>) {
    // What can't be told is not worth failing for.
    let _ = writeln!(std::io::stderr(), "{test}: {line}");
}
