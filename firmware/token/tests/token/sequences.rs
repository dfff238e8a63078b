//! Sequences of commands, by chance; the fuzz target `commands` makes them otherwise.

use proptest::prelude::*;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::hostile::{
    driver::{LEN_MAX, Tally, run},
    step::LEN,
};

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
