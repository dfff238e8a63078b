//! The two numbers that decide what a search costs: the size of the table, and the window.

use core_nostd::ciphersuite::SuiteId;

/// The size of a table: `2^bits` entries of three bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableBits(u8);

/// Where a logarithm is looked for: `|m| < 2^bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(u8);

impl TableBits {
    /// The largest size: 805 MB.
    pub const MAX: Self = Self(28);

    /// From 1 to [`Self::MAX`].
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if 0 < bits && bits <= Self::MAX.0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The size to use unless there is a reason for another: 12.6 MB on ristretto255, 0.8 MB in the
    /// finite-field groups, where an addition costs far more and books are small.
    #[must_use]
    pub const fn default_for(suite: SuiteId) -> Self {
        match suite {
            SuiteId::Ristretto255 => Self(22),
            _ => Self(18),
        }
    }

    /// The exponent.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The number of entries.
    pub(super) const fn len(self) -> usize {
        1 << self.0
    }
}

impl Window {
    /// The usual window: 2^48 cents are 2.8 trillion euros.
    pub const DEFAULT: Self = Self(48);
    /// The widest window: the difference of two amounts in it, and a block beyond, still fit 64
    /// bits with a sign.
    pub const MAX: Self = Self(61);

    /// From 1 to [`Self::MAX`].
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if 0 < bits && bits <= Self::MAX.0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The narrowest window that holds every `|m|` up to `bound`, but none wider than usual.
    #[must_use]
    pub fn for_bound(bound: u128) -> Self {
        Self::holding(bound).map_or(Self::DEFAULT, |window| window.min(Self::DEFAULT))
    }

    /// The narrowest window that holds every `|m|` up to `bound`, if there is one.
    #[must_use]
    pub fn holding(bound: u128) -> Option<Self> {
        let bits = (u128::BITS - bound.leading_zeros()).max(1);
        u8::try_from(bits).ok().and_then(Self::new)
    }

    /// Whether every `|m|` up to `bound` is in it.
    #[must_use]
    pub fn holds(self, bound: u128) -> bool {
        Self::holding(bound).is_some_and(|window| window <= self)
    }

    /// The exponent.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// `2^bits − 1`, the largest amount in it.
    #[must_use]
    pub const fn largest(self) -> i64 {
        (1 << self.0) - 1
    }

    /// Whether `|m| < 2^bits`.
    #[must_use]
    pub const fn contains(self, m: i64) -> bool {
        m.unsigned_abs() < 1 << self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_windows_have_limits() {
        assert_eq!(TableBits::new(0), None);
        assert_eq!(TableBits::new(28), Some(TableBits::MAX));
        assert_eq!(TableBits::new(29), None);
        assert_eq!(Window::new(0), None);
        assert_eq!(Window::new(48), Some(Window::DEFAULT));
        assert_eq!(Window::new(61), Some(Window::MAX));
        assert_eq!(Window::new(62), None);
        let usual = Window::DEFAULT;
        assert!(usual.contains((1 << 48) - 1) && !usual.contains(-(1 << 48)));
        assert!(!usual.contains(i64::MIN) && !Window::MAX.contains(i64::MIN));
        assert_eq!(usual.largest(), (1 << 48) - 1);
    }

    #[test]
    fn a_window_for_a_bound_holds_it_or_is_the_usual_one() {
        for (bound, bits) in [(0, 1), (1, 1), (2, 2), (255, 8), (256, 9), (1 << 47, 48)] {
            let window = Window::for_bound(bound);
            assert_eq!(window.get(), bits, "{bound}");
            assert!(window.holds(bound) && !window.holds(1 << bits));
        }
        assert_eq!(Window::for_bound(1 << 48), Window::DEFAULT);
        assert_eq!(Window::for_bound(u128::MAX), Window::DEFAULT);
        assert_eq!(Window::holding(1 << 48), Window::new(49));
        assert_eq!(Window::holding((1 << 61) - 1), Some(Window::MAX));
        assert_eq!(Window::holding(1 << 61), None);
        assert!(!Window::MAX.holds(1 << 61) && !Window::DEFAULT.holds(1 << 48));
    }
}
