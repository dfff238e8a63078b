//! Sources that fail in every way the tests can see, and good ones.

use core::{error::Error, fmt};

use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use rand_core::Rng;

use super::*;

/// Bytes from a function of their position; from `ends` on there are none.
struct Scripted<F> {
    byte: F,
    position: u64,
    ends: u64,
}

#[derive(Debug)]
struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no byte came")
    }
}

impl Error for Ended {}

impl<F: FnMut(u64) -> u8> TryRng for Scripted<F> {
    type Error = Ended;

    fn try_next_u32(&mut self) -> Result<u32, Ended> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Ended> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Ended> {
        for byte in bytes {
            if self.position >= self.ends {
                return Err(Ended);
            }
            *byte = (self.byte)(self.position);
            self.position += 1;
        }
        Ok(())
    }
}

impl<F: FnMut(u64) -> u8> TryCryptoRng for Scripted<F> {}

fn source<F: FnMut(u64) -> u8>(byte: F) -> Source<Scripted<F>> {
    Source::new(Scripted {
        byte,
        position: 0,
        ends: u64::MAX,
    })
}

/// How many operations the source is good for, of `most`; then it stays failed.
fn operations<F: FnMut(u64) -> u8>(source: &mut Source<Scripted<F>>, most: u64) -> u64 {
    let good = (0..most).take_while(|_| source.operation().is_ok()).count() as u64;
    if good < most {
        for _ in 0..3 {
            assert_eq!(source.operation().err(), Some(TokenError::EntropyFailed));
        }
    }
    good
}

/// A good source.
fn dice(seed: u64) -> impl FnMut(u64) -> u8 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    move |_| {
        let mut byte = [0];
        rng.fill_bytes(&mut byte);
        byte[0]
    }
}

/// By its own definitions; the second one was computed apart, with exact fractions.
#[test]
fn the_cutoffs_are_those_of_the_standard() {
    assert_eq!(REPEATS_MAX, 6);
    assert_eq!(SHARE_MAX, 62);
    assert_eq!(START_UP % 64, 0);
}

#[test]
fn a_stuck_source_never_starts() {
    for byte in 0..=u8::MAX {
        let mut stuck = source(|_| byte);
        assert_eq!(operations(&mut stuck, 1), 0);
    }
}

#[test]
fn short_cycles_are_seen_at_the_start() {
    for period in [2, 4, 8] {
        let mut cycle = source(|position| position.to_le_bytes()[0] % period);
        assert_eq!(operations(&mut cycle, 1), 0, "{period}");
    }
    // And long ones that fit a draw.
    for period in [16, 32] {
        let mut cycle = source(|position| position.to_le_bytes()[0] % period);
        assert_eq!(operations(&mut cycle, 1), 0, "{period}");
    }
}

/// The limit that the module's documentation states.
#[test]
fn a_cycle_of_nine_bytes_is_not_seen() {
    let mut position = 0;
    let mut cycle = source(|_| {
        position = (position + 1) % 9;
        position
    });
    assert_eq!(operations(&mut cycle, 1000), 1000);
}

/// One value in every fourth place, the others good: the bias is seen within a few windows.
#[test]
fn a_biased_source_is_seen() {
    for seed in 0..20 {
        let mut good = dice(seed);
        let mut biased = source(|position| match position % 4 {
            0 => 0x55,
            _ => good(position),
        });
        let window = u64::from(WINDOW) / 64;
        assert!(operations(&mut biased, 100 * window) < 100 * window);
    }
    // Two bits of a byte are alive: 2 bits of entropy where 4 are promised.
    for seed in 0..20 {
        let mut good = dice(seed);
        let mut poor = source(|position| good(position) & 0x81);
        assert_eq!(operations(&mut poor, 1), 0);
    }
}

#[test]
fn a_source_that_fails_late_is_seen_within_two_draws() {
    for late in [1024, 1025, 1088, 100_003] {
        let mut good = dice(late);
        let mut failing = source(|position| {
            if position < late {
                good(position)
            } else {
                0xff
            }
        });
        let before = (late - 1024) / 64;
        let done = operations(&mut failing, before + 3);
        // The draw in which it fails may have fewer than six bytes of it.
        assert!((before..=before + 1).contains(&done), "{late}: {done}");
    }
}

#[test]
fn a_source_that_pauses_is_used_again_and_starts_anew() {
    let mut pausing = source(dice(1));
    pausing.entropy.ends = 1000;
    assert_eq!(pausing.operation().err(), Some(TokenError::EntropyFailed));
    pausing.entropy.ends = u64::MAX;
    assert!(pausing.operation().is_ok());
    assert!(pausing.entropy.position >= 1000 + 1024);
}

#[test]
fn the_start_up_samples_are_used_for_nothing_else() {
    let first_bytes = |start: u8| {
        let mut good = dice(1);
        // Other bytes while it starts up, the same afterwards.
        let mut source = source(move |position| {
            let byte = good(position);
            if position < START_UP as u64 {
                byte ^ start
            } else {
                byte
            }
        });
        let mut bytes = [0; 16];
        source.operation().unwrap().fill_bytes(&mut bytes);
        bytes
    };
    assert_eq!(first_bytes(0), first_bytes(0xff));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_good_source_passes_millions_of_bytes(seed in any::<u64>()) {
        let mut health = Health::new();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes = [0; 4096];
        for _ in 0..256 {
            rng.fill_bytes(&mut bytes);
            prop_assert!(bytes.iter().all(|byte| health.passes(*byte)));
        }
    }
}
