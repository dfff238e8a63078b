//! Range accounting: what the cap on one entry says about every sum.
//!
//! Each entry holds `|m| ≤ c`, the cap of its book, so a sum of `n` entries lies within `±n·c`.
//! With `c ≤ 2^48` and `n < 2^64` that is below 2^112, while the order of every group is above
//! 2^250: no sum ever wraps around. It can only be too large to be found in the window that is
//! searched, and whoever knows `n·c` knows beforehand whether that can happen.

use core::fmt;

use zeroize::Zeroize;

use crate::{
    amount::Amount,
    book::{BookRules, CAP_MAX},
};

/// The amount of one entry, in minor units: within the cap of its book, hence within ±2^48.
///
/// [`BookRules::admit`] alone makes one, so whatever is signed was held to the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryAmount(i64);

impl EntryAmount {
    /// The amount in minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.0
    }
}

impl Zeroize for EntryAmount {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// An amount is above the book's cap. Usually a slip of the hand, or a book with a cap too low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverCap {
    /// The most that one entry may hold, deposited or withdrawn.
    pub cap: Amount,
}

impl fmt::Display for OverCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cap } = self;
        write!(
            f,
            "an entry of this book has at most {cap} {}",
            cap.currency()
        )
    }
}

impl core::error::Error for OverCap {}

impl BookRules<'_> {
    /// An entry of `minor` units, if `|minor| ≤ cap`.
    ///
    /// # Errors
    /// [`OverCap`]. Rules with a cap above [`CAP_MAX`] are nobody's, and count as that.
    pub fn admit(&self, minor: i64) -> Result<EntryAmount, OverCap> {
        let cap = self.cap.min(CAP_MAX);
        if minor.unsigned_abs() <= cap {
            Ok(EntryAmount(minor))
        } else {
            let cap = Amount::from_minor(cap.cast_signed(), self.currency);
            Err(OverCap { cap })
        }
    }

    /// `n·c` for a sum of `entries` entries: it is not above this, nor below its negation.
    ///
    /// In an open book nobody holds entries to the cap, and it is no more than what was meant.
    #[must_use]
    pub fn bound(&self, entries: u64) -> u128 {
        u128::from(entries) * u128::from(self.cap)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;
    use crate::{book::BookKind, ciphersuite::SuiteId, currency::Currency};

    fn rules(cap: u64) -> BookRules<'static> {
        BookRules {
            suite: SuiteId::Ristretto255,
            kind: BookKind::Authenticated,
            currency: Currency::from_code("EUR").expect("an active code"),
            cap,
            min_entries: 16,
            name: "till",
        }
    }

    #[test]
    fn an_entry_holds_the_cap_and_no_more() {
        for cap in [1, 1250, CAP_MAX] {
            let rules = rules(cap);
            let most = cap.cast_signed();
            for minor in [0, 1, -1, most, -most] {
                assert_eq!(rules.admit(minor).map(EntryAmount::minor), Ok(minor));
            }
            for minor in [most + 1, -most - 1, i64::MAX, i64::MIN] {
                assert!(rules.admit(minor).is_err(), "{minor} above {cap}");
            }
        }
        let text = rules(1250).admit(-1251).map_err(|error| error.to_string());
        let expected = "an entry of this book has at most 12.50 EUR";
        assert_eq!(text, Err(expected.to_string()));
    }

    #[test]
    fn rules_with_too_high_a_cap_admit_no_more_than_the_highest() {
        let most = CAP_MAX.cast_signed();
        assert!(rules(u64::MAX).admit(most).is_ok());
        assert!(rules(u64::MAX).admit(most + 1).is_err());
        assert!(rules(u64::MAX).admit(i64::MIN).is_err());
    }

    #[test]
    fn no_sum_of_entries_wraps_around() {
        assert_eq!(rules(1250).bound(0), 0);
        assert_eq!(rules(1250).bound(3), 3750);
        assert!(rules(CAP_MAX).bound(u64::MAX) < 1 << 112);
        assert_eq!(
            rules(u64::MAX).bound(u64::MAX),
            u128::MAX - 2 * u128::from(u64::MAX)
        );
    }
}
