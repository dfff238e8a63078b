//! Random bytes: health tests on the platform's source, and a generator for one operation.
//!
//! The tests are those of NIST SP 800-90B, section 4.4, over samples of one byte:
//!
//! * *repetition count* (4.4.1): [`REPEATS_MAX`] equal samples in a row;
//! * *adaptive proportion* (4.4.2): the first sample of a window of [`WINDOW`] occurs
//!   [`SHARE_MAX`] times in it;
//! * and, beyond the standard, two draws of 32 bytes in a row that are equal.
//!
//! Their bounds follow from the least that is expected of the source, [`MIN_ENTROPY_BITS`] of
//! min-entropy a byte, and from the rate of false alarms, at most 2^-20 a sample for a source that
//! is only just as good as that. One with 8 bits a byte repeats itself so often once in 2^40
//! samples, which is once in 2^34 operations; the other two tests never do.
//!
//! Before the first use, [`START_UP`] samples pass the same tests and are thrown away. A test
//! that fails stays failed until power is cut: the token then does nothing that needs random
//! bytes, and goes on with everything else. The tests see a source that has failed, not one that
//! somebody has built to deceive: a cycle of nine bytes passes them, and so does a generator whose
//! seed is known. Against that nonces are hedged.

use core::convert::Infallible;

use core_nostd::{seal::prf, wire::TokenError};
use rand_core::{TryCryptoRng, TryRng, utils};
use zeroize::Zeroizing;

/// Bits of min-entropy that a byte of the source has at least. The 64 bytes of a key then have 256.
const MIN_ENTROPY_BITS: u32 = 4;

/// A false alarm has the probability `2^-ALARM_BITS` at most, a test and sample.
const ALARM_BITS: u32 = 20;

/// Samples in a window of the adaptive proportion test; 512 for samples of more than one bit.
const WINDOW: u16 = 512;

/// Samples of the start-up test, at least 1024.
const START_UP: usize = 1024;

/// The cutoff `1 + ⌈−log2 α / H⌉` of the repetition count test: 6.
const REPEATS_MAX: u32 = 1 + ALARM_BITS.div_ceil(MIN_ENTROPY_BITS);

/// The cutoff of the adaptive proportion test: 62.
const SHARE_MAX: u16 = share_max();

/// `1 + critbinom(W, p, 1 − α)` with `p = 2^-H`: one more than the least `k` for which at most `k`
/// of `W` samples equal a given value with a probability of at least `1 − α`.
const fn share_max() -> u16 {
    let p = 1.0 / (1_u32 << MIN_ENTROPY_BITS) as f64;
    let alpha = 1.0 / (1_u32 << ALARM_BITS) as f64;
    // P(X = 0) = (1 − p)^W, and P(X = k + 1) = P(X = k) · (W − k) / (k + 1) · p / (1 − p).
    let mut exactly = 1.0;
    let mut i = 0;
    while i < WINDOW {
        exactly *= 1.0 - p;
        i += 1;
    }
    let (mut k, mut at_most) = (0, exactly);
    while at_most < 1.0 - alpha {
        exactly *= (WINDOW - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        at_most += exactly;
        k += 1;
    }
    k + 1
}

/// A platform's source of random bytes under its health tests.
pub(crate) struct Source<E> {
    entropy: E,
    health: Health,
    /// Whether the start-up test has been passed.
    started: bool,
    /// Whether a test has failed since power-on.
    failed: bool,
}

impl<E: TryCryptoRng> Source<E> {
    pub(crate) const fn new(entropy: E) -> Self {
        Self {
            entropy,
            health: Health::new(),
            started: false,
            failed: false,
        }
    }

    /// A generator for one operation, after the start-up test if that has not been passed.
    ///
    /// # Errors
    /// [`TokenError::EntropyFailed`]: from now on if a test has failed; once if the source gave
    /// no bytes.
    #[inline(never)]
    pub(crate) fn operation(&mut self) -> Result<OperationRng, TokenError> {
        if !self.started {
            for _ in 0..START_UP / 64 {
                self.draw()?;
            }
            self.started = true;
        }
        let (one, other) = self.draw()?;
        let mut key = Zeroizing::new([0; 32]);
        prf(&one, &[b"operation", other.as_slice()], key.as_mut());
        Ok(OperationRng { key, drawn: 0 })
    }

    /// Whether no test has failed since power-on.
    pub(crate) const fn is_good(&self) -> bool {
        !self.failed
    }

    /// 64 samples that have passed the tests.
    fn draw(&mut self) -> Result<(Sample, Sample), TokenError> {
        let (mut one, mut other) = (Sample::default(), Sample::default());
        for bytes in [&mut one, &mut other] {
            self.entropy
                .try_fill_bytes(bytes.as_mut())
                .map_err(|_| TokenError::EntropyFailed)?;
            for byte in bytes.iter() {
                self.failed |= !self.health.passes(*byte);
            }
        }
        self.failed |= one == other;
        if self.failed {
            return Err(TokenError::EntropyFailed);
        }
        Ok((one, other))
    }
}

/// What is drawn at once.
type Sample = Zeroizing<[u8; 32]>;

/// The two tests of SP 800-90B over all samples since power-on.
struct Health {
    last: u8,
    /// How often `last` has come in a row.
    repeats: u32,
    /// The first sample of the window.
    first: u8,
    /// Samples of the window so far, `first` included.
    seen: u16,
    /// How many of them equal `first`.
    equal: u16,
}

impl Health {
    const fn new() -> Self {
        Self {
            last: 0,
            repeats: 0,
            first: 0,
            seen: WINDOW,
            equal: 0,
        }
    }

    /// Takes a sample; whether it passes both tests.
    fn passes(&mut self, sample: u8) -> bool {
        if self.repeats > 0 && sample == self.last {
            self.repeats = self.repeats.saturating_add(1);
        } else {
            (self.last, self.repeats) = (sample, 1);
        }
        if self.seen == WINDOW {
            (self.first, self.seen, self.equal) = (sample, 0, 0);
        }
        self.seen = self.seen.saturating_add(1);
        self.equal = self.equal.saturating_add(u16::from(sample == self.first));
        self.repeats < REPEATS_MAX && self.equal < SHARE_MAX
    }
}

/// A generator for one operation: HMAC-SHA-512 in counter mode under a key drawn from the
/// platform's entropy. Wiped when dropped, which is why it is not one of the usual crates.
pub(crate) struct OperationRng {
    key: Zeroizing<[u8; 32]>,
    drawn: u64,
}

impl TryRng for OperationRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        // One call of the function gives 16 KiB at most.
        for chunk in bytes.chunks_mut(1 << 13) {
            prf(&self.key, &[&self.drawn.to_be_bytes()], chunk);
            self.drawn = self.drawn.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for OperationRng {}

#[cfg(test)]
mod tests;
