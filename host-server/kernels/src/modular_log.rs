//! Small discrete logarithms modulo any odd number: from `d = g^m mod p` back to a signed `m`.
//!
//! For keys of other programs, whose `p` and `g` are whatever they are; for the groups of this
//! project [`discrete_log`](crate::discrete_log) is many times faster. Signed baby-step giant-step:
//! with `N` baby steps `g^b`, `−N/2 ≤ b < N/2`, in a table, `d·g^(−j·N)` is looked up for
//! `j = 0, ±1, ±2, …`: nearest first, so a small `m` costs little. Every hit is checked
//! (`g^m == d`) before it is returned, and `|m| < 2^w` takes at most `2^w / N` steps to either
//! side.
//!
//! If `g` has an order below `2^(w+1) − 1`, two exponents of the window give the same `d`. That is
//! found out at the start, by looking for the smallest `k > 0` with `g^k == 1`.
//!
//! Everything here takes variable time, and `d` is what is being opened.

use crypto_bigint::{
    BoxedUint, Odd,
    modular::{BoxedMontyForm, BoxedMontyParams},
};

use crate::discrete_log::{OutOfRange, Window};

/// A base `g` modulo `p`, with its baby steps: 12 bytes each, [`Self::table_len`] of them.
#[derive(Debug)]
pub struct ModularLog {
    window: Window,
    base: BoxedMontyForm,
    inverse: BoxedMontyForm,
    /// `g^N` and `g^−N`.
    giant: [BoxedMontyForm; 2],
    /// (key of the residue `g^b`, `b`), sorted.
    baby: Vec<(u64, i32)>,
}

/// Why logarithms to this base are not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModularLogError {
    /// `g` has a divisor in common with `p`, or is 0. Usually `p` is no prime.
    #[error("the base has no inverse modulo p")]
    NotInvertible,
    /// Exponents that differ by `order` are the same. Usually `p` has only a few bits.
    #[error("the base has order {order}: amounts that differ by it can't be told apart")]
    SmallOrder {
        /// Least positive exponent that gives 1.
        order: u64,
    },
}

impl ModularLog {
    /// Computes the baby steps of `g` modulo `p`, and that its order leaves no doubt in `window`.
    ///
    /// # Errors
    /// See [`ModularLogError`].
    pub fn new(p: &Odd<BoxedUint>, g: &BoxedUint, window: Window) -> Result<Self, ModularLogError> {
        let params = BoxedMontyParams::new_vartime(p.clone());
        let base = residue(g, &params);
        let inverse = Option::<BoxedMontyForm>::from(base.invert_vartime())
            .ok_or(ModularLogError::NotInvertible)?;
        let bits = table_bits(window);
        let half = 1_i32 << (bits - 1);
        let mut step = power(&inverse, half.unsigned_abs().into());
        let mut baby = Vec::with_capacity(1 << bits);
        for b in -half..half {
            baby.push((key(&step), b));
            step *= &base;
        }
        baby.sort_unstable();
        let giant = [&base, &inverse].map(|base| power(base, 1 << bits));
        let log = Self {
            window,
            base,
            inverse,
            giant,
            baby,
        };
        log.check_order(&params)?;
        Ok(log)
    }

    /// The `m` in the window with `g^m == d`.
    ///
    /// # Errors
    /// [`OutOfRange`] if there is none. Finding that out costs the whole window.
    pub fn solve(&self, d: &BoxedUint) -> Result<i64, OutOfRange> {
        let d = residue(d, self.base.params());
        let is_solution = |m| self.window.contains(m) && self.power(m) == d;
        self.search(&d, 1 << self.window.get(), is_solution)
            .ok_or(OutOfRange {
                window_bits: self.window.get(),
            })
    }

    /// `N`, the number of baby steps.
    #[must_use]
    pub fn table_len(&self) -> usize {
        self.baby.len()
    }

    /// Refuses a base with two exponents of the window that give the same.
    fn check_order(&self, params: &BoxedMontyParams) -> Result<(), ModularLogError> {
        let one = BoxedMontyForm::one(params);
        // The largest difference of two exponents of the window is this less two.
        let end = 1_i64 << (self.window.get() + 1);
        let is_period = |k: i64| k != 0 && k.abs() < end - 1 && self.power(k) == one;
        match self.search(&one, end, is_period) {
            Some(k) => Err(ModularLogError::SmallOrder {
                order: k.unsigned_abs(),
            }),
            None => Ok(()),
        }
    }

    /// The first accepted `m` that may solve `g^m == d`, by growing distance from 0 in whole giant
    /// steps, among at least all of `|m| < end`.
    fn search(&self, d: &BoxedMontyForm, end: i64, accept: impl Fn(i64) -> bool) -> Option<i64> {
        let stride = i64::try_from(self.baby.len()).expect("at most 2^22 baby steps");
        let last = ((end - stride / 2).max(0) + stride - 1) / stride;
        let mut above = d.clone();
        let mut below = d.clone();
        for j in 0..=last {
            let hit = self
                .baby_steps(&above)
                .map(|b| b + j * stride)
                .chain(self.baby_steps(&below).map(|b| b - j * stride))
                .filter(|m| accept(*m))
                .min_by_key(|m| m.abs());
            if hit.is_some() {
                return hit;
            }
            above *= &self.giant[1];
            below *= &self.giant[0];
        }
        None
    }

    /// Every `b` whose `g^b` may be this residue.
    fn baby_steps(&self, residue: &BoxedMontyForm) -> impl Iterator<Item = i64> {
        let key = key(residue);
        let first = self.baby.partition_point(|(other, _)| *other < key);
        self.baby[first..]
            .iter()
            .take_while(move |(other, _)| *other == key)
            .map(|(_, b)| i64::from(*b))
    }

    fn power(&self, m: i64) -> BoxedMontyForm {
        let base = if m < 0 { &self.inverse } else { &self.base };
        power(base, m.unsigned_abs())
    }
}

/// With this many baby steps a search of the whole window takes a quarter as long as the table; at
/// most 2^22 of them.
fn table_bits(window: Window) -> u8 {
    (window.get() / 2 + 2).min(22)
}

/// `integer` modulo `p`.
fn residue(integer: &BoxedUint, params: &BoxedMontyParams) -> BoxedMontyForm {
    let modulus = params.modulus().as_nz_ref();
    BoxedMontyForm::new(integer.rem_vartime(modulus), params)
}

fn power(base: &BoxedMontyForm, exponent: u64) -> BoxedMontyForm {
    base.pow_bounded_exp(
        &BoxedUint::from(exponent),
        u64::BITS - exponent.leading_zeros(),
    )
}

#[allow(clippy::unnecessary_cast, reason = "a word has 32 bits on some hosts")]
/// 64 bits that depend on all of the residue: the low words alone of `2^b` are often the same.
fn key(residue: &BoxedMontyForm) -> u64 {
    // 2^64 divided by the golden ratio, odd: Fibonacci hashing.
    let mix = |key: u64, word: u64| {
        (key ^ word)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(29)
    };
    let words = residue.as_montgomery().as_words();
    words.iter().fold(0, |key, word| mix(key, *word as u64))
}

#[cfg(test)]
mod tests;
