//! Shares of a seed: made, and combined. Words are not covered: they have different lengths, which
//! shows in the time it takes to write them.

use core::hint::black_box;

use core_nostd::{
    backup::{Quorum, Share},
    keys::RootSeed,
};

use crate::{count::Report, draw::Draw};

/// Counts them.
pub fn measure(report: &Report) {
    report.operation(
        "share-seed",
        |d| (d.seed(), d.rng()),
        |(seed, mut rng)| {
            let shares = seed.split(two_of_three(), &mut rng);
            shares.for_each(|share| drop(black_box(share)));
        },
    );
    report.operation("combine-shares", shares, |shares| {
        RootSeed::from_shares(&shares)
    });
}

fn shares(draw: &mut Draw) -> [Share; 2] {
    let (seed, mut rng) = (draw.seed(), draw.rng());
    let mut shares = seed.split(two_of_three(), &mut rng);
    [(); 2].map(|()| shares.next().expect("there are three"))
}

fn two_of_three() -> Quorum {
    Quorum::new(2, 3).expect("it is a quorum")
}
