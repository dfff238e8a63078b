//! A hostile host: arbitrary sequences of commands, good, nearly good and garbage, with restarts
//! and any person at the button, against a plain model of what the token must do.
//!
//! A sequence is a string of bytes, eight for each step, so that a property test and a fuzzer can
//! make them alike. After each step the token says of itself what the model says; what the model
//! refuses is refused with its error and changes nothing; what it allows is answered as it says.
//! The model knows every entry and cut, and a statement comes only for a sum that it has added up
//! itself: there is no other way to a plaintext. No position is ever signed twice.

mod answers;
mod claim;
mod driver;
mod model;
mod step;

/// Runs a sequence; by the name of a request, how often it was done and how often refused.
pub fn run(bytes: &[u8]) -> driver::Tally {
    driver::Driver::new().run(bytes)
}

/// The longest sequence that is run, in bytes.
pub const LEN_MAX: usize = 100 * step::LEN;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{Rng, SeedableRng},
    };

    use super::{LEN_MAX, driver::Tally, run, step::LEN};

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn the_token_does_what_the_model_says(
            steps in prop::collection::vec(any::<[u8; LEN]>(), 1..LEN_MAX / LEN),
        ) {
            run(steps.as_flattened());
        }
    }

    /// Every request is done and refused in some sequence, or the property says little.
    #[test]
    fn sequences_lead_everywhere() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let mut tally = Tally::new();
        for _ in 0..40 {
            let mut bytes = [0; LEN_MAX];
            rng.fill_bytes(&mut bytes);
            for (request, counts) in run(&bytes) {
                let sum = tally.entry(request).or_default();
                *sum = [sum[0] + counts[0], sum[1] + counts[1]];
            }
        }
        println!("{tally:?}");
        assert_eq!(tally.len(), 23, "{tally:?}");
        for (request, [done, refused]) in &tally {
            assert!(*done > 0, "{request} was never done: {tally:?}");
            let always = ["Book", "Lock"].contains(&request.as_str());
            assert!(
                *refused > 0 || always,
                "{request} was never refused: {tally:?}"
            );
        }
    }
}
