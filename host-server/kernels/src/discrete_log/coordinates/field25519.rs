//! The field of 2^255 − 19 elements, in five limbs of 51 bits.
//!
//! A limb may grow to 54 bits between multiplications: one addition of products is always safe.
//! Everything here is for public data.

use std::ops::{Add, Mul, Neg, Sub};

/// An integer modulo 2^255 − 19, `Σ limb[i]·2^(51i)`, not necessarily reduced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field([u64; 5]);

const MASK: u64 = (1 << 51) - 1;

impl Field {
    pub(super) const ZERO: Self = Self([0; 5]);
    pub(super) const ONE: Self = Self([1, 0, 0, 0, 0]);

    /// `−121665/121666`, the constant of the curve (RFC 9496 section 4.1).
    pub(super) const D: Self = Self([
        929_955_233_495_203,
        466_365_720_129_213,
        1_662_059_464_998_953,
        2_033_849_074_728_123,
        1_442_794_654_840_575,
    ]);

    /// `1/B` for the coefficient `B = −486664` of the curve's Montgomery form.
    pub(super) const ONE_OVER_B: Self = Self([
        1_456_361_051_890_116,
        1_572_258_430_231_632,
        147_435_087_171_573,
        54_487_684_739_281,
        1_891_101_149_975_104,
    ]);

    /// `A/B` for the coefficients `A = 486662` and `B` of the curve's Montgomery form.
    pub(super) const A_OVER_B: Self = Self([
        1_590_877_523_590_225,
        1_359_082_766_907_230,
        1_956_929_639_342_100,
        2_142_824_444_206_685,
        721_397_327_420_287,
    ]);

    /// A square root of −1, the one of RFC 9496 section 4.1.
    pub(super) const SQRT_M1: Self = Self([
        1_718_705_420_411_056,
        234_908_883_556_509,
        2_233_514_472_574_048,
        2_117_202_627_021_982,
        765_476_049_583_133,
    ]);

    /// The integer of 32 little-endian bytes, its top bit ignored.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let limb = |at: usize, shift: u32| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            (u64::from_le_bytes(word) >> shift) & MASK
        };
        Self([
            limb(0, 0),
            limb(6, 3),
            limb(12, 6),
            limb(19, 1),
            limb(24, 12),
        ])
    }

    /// The low 64 bits of the integer in `0..p`.
    pub(super) fn low_u64(self) -> u64 {
        let [low, next, ..] = self.reduced();
        low | next << 51
    }

    /// The low 64 bits of the integer `self − other` in `0..p`.
    #[inline(always)]
    pub(super) fn low_u64_less(self, other: Self) -> u64 {
        Self(self.minus(other)).low_u64()
    }

    /// Whether the integer in `0..p` is odd: RFC 9496 calls it negative.
    fn is_odd(self) -> bool {
        self.low_u64() & 1 == 1
    }

    /// The one of `self` and `−self` that is even.
    pub(super) fn abs(self) -> Self {
        if self.is_odd() { -self } else { self }
    }

    pub(super) fn square(self) -> Self {
        let [a0, a1, a2, a3, a4] = self.0;
        let (a3_19, a4_19) = (19 * a3, 19 * a4);
        Self::carry_wide([
            wide(a0, a0) + 2 * (wide(a1, a4_19) + wide(a2, a3_19)),
            wide(a3, a3_19) + 2 * (wide(a0, a1) + wide(a2, a4_19)),
            wide(a1, a1) + 2 * (wide(a0, a2) + wide(a4, a3_19)),
            wide(a4, a4_19) + 2 * (wide(a0, a3) + wide(a1, a2)),
            wide(a2, a2) + 2 * (wide(a0, a4) + wide(a1, a3)),
        ])
    }

    /// `1/self`, or 0 for 0: the power `p − 2 = (2^250 − 1)·2^5 + 11`.
    pub(super) fn invert(self) -> Self {
        let (long, eleventh) = self.power_2_250_minus_1();
        long.square_times(5) * eleventh
    }

    /// The even one of `±1/√self`, if `self` is a square and not 0: `SQRT_RATIO_M1(1, self)` of
    /// RFC 9496 section 4.2.
    pub(super) fn invert_sqrt(self) -> Option<Self> {
        let cubed = self.square() * self;
        let seventh = cubed.square() * self;
        // The power (p − 5)/8 = (2^250 − 1)·2^2 + 1.
        let root = cubed * (seventh.power_2_250_minus_1().0.square_times(2) * seventh);
        let check = self * root.square();
        if check.equals(Self::ONE) {
            Some(root.abs())
        } else if check.equals(-Self::ONE) {
            Some((root * Self::SQRT_M1).abs())
        } else {
            None
        }
    }

    pub(super) fn equals(self, other: Self) -> bool {
        self.reduced() == other.reduced()
    }

    pub(super) fn is_zero(self) -> bool {
        self.equals(Self::ZERO)
    }

    /// `self^(2^250 − 1)`, and `self^11`, which falls off on the way.
    fn power_2_250_minus_1(self) -> (Self, Self) {
        let squared = self.square();
        let ninth = squared.square_times(2) * self;
        let eleventh = ninth * squared;
        let ones_5 = eleventh.square() * ninth;
        let ones_10 = ones_5.square_times(5) * ones_5;
        let ones_20 = ones_10.square_times(10) * ones_10;
        let ones_40 = ones_20.square_times(20) * ones_20;
        let ones_50 = ones_40.square_times(10) * ones_10;
        let ones_100 = ones_50.square_times(50) * ones_50;
        let ones_200 = ones_100.square_times(100) * ones_100;
        (ones_200.square_times(50) * ones_50, eleventh)
    }

    fn square_times(self, times: u32) -> Self {
        (0..times).fold(self, |power, _| power.square())
    }

    /// The limbs of the integer in `0..p`.
    fn reduced(self) -> [u64; 5] {
        // Below 2p after one pass, so the quotient by p is 0 or 1; it is 1 exactly if adding 19
        // carries out of the top.
        let mut limbs = Self::carry_once(self.0);
        let quotient = limbs.iter().fold(19, |carry, limb| (limb + carry) >> 51);
        let mut carry = 19 * quotient;
        for limb in &mut limbs {
            *limb += carry;
            carry = *limb >> 51;
            *limb &= MASK;
        }
        limbs
    }

    /// `self + 16p − other`, so that no limb falls below 0; the limbs have 55 bits.
    #[inline(always)]
    fn minus(self, other: Self) -> [u64; 5] {
        const LOW: u64 = 16 * ((1 << 51) - 19);
        const HIGH: u64 = 16 * MASK;
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        [
            a0 + LOW - b0,
            a1 + HIGH - b1,
            a2 + HIGH - b2,
            a3 + HIGH - b3,
            a4 + HIGH - b4,
        ]
    }

    /// Each limb's excess over 51 bits to the next one, all at once.
    #[inline(always)]
    fn carry_once(limbs: [u64; 5]) -> [u64; 5] {
        let [a0, a1, a2, a3, a4] = limbs;
        [
            (a0 & MASK) + 19 * (a4 >> 51),
            (a1 & MASK) + (a0 >> 51),
            (a2 & MASK) + (a1 >> 51),
            (a3 & MASK) + (a2 >> 51),
            (a4 & MASK) + (a3 >> 51),
        ]
    }

    /// Sums of products to limbs of 51 bits and a little.
    #[inline(always)]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "masked, or below 2^64 as shown"
    )]
    fn carry_wide(mut sums: [u128; 5]) -> Self {
        // From limbs below 2^54 the sums are below 77·2^108 < 2^115, the last below 5·2^108: it
        // has no factor 19, so that its carry times 19 is below 2^64.
        for i in 0..4 {
            sums[i + 1] += u128::from((sums[i] >> 51) as u64);
        }
        let mut limbs = sums.map(|sum| sum as u64 & MASK);
        limbs[0] += 19 * (sums[4] >> 51) as u64;
        limbs[1] += limbs[0] >> 51;
        limbs[0] &= MASK;
        Self(limbs)
    }
}

impl Add for Field {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        Self([a0 + b0, a1 + b1, a2 + b2, a3 + b3, a4 + b4])
    }
}

impl Sub for Field {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(Self::carry_once(self.minus(other)))
    }
}

impl Neg for Field {
    type Output = Self;
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Mul for Field {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let ([a0, a1, a2, a3, a4], [b0, b1, b2, b3, b4]) = (self.0, other.0);
        let (c1, c2, c3, c4) = (19 * b1, 19 * b2, 19 * b3, 19 * b4);
        Self::carry_wide([
            wide(a0, b0) + wide(a4, c1) + wide(a3, c2) + wide(a2, c3) + wide(a1, c4),
            wide(a1, b0) + wide(a0, b1) + wide(a4, c2) + wide(a3, c3) + wide(a2, c4),
            wide(a2, b0) + wide(a1, b1) + wide(a0, b2) + wide(a4, c3) + wide(a3, c4),
            wide(a3, b0) + wide(a2, b1) + wide(a1, b2) + wide(a0, b3) + wide(a4, c4),
            wide(a4, b0) + wide(a3, b1) + wide(a2, b2) + wide(a1, b3) + wide(a0, b4),
        ])
    }
}

#[inline(always)]
fn wide(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(value: u64) -> Field {
        Field([value, 0, 0, 0, 0])
    }

    /// The largest limbs that a sum of two sums can have, and some ordinary ones.
    fn samples() -> Vec<Field> {
        let mut samples = vec![
            Field::ZERO,
            Field::ONE,
            -Field::ONE,
            Field::D,
            Field::SQRT_M1,
            Field([(1 << 54) - 1; 5]),
            Field([MASK - 18, MASK, MASK, MASK, MASK]),
            Field([MASK; 5]),
        ];
        for i in 0..50 {
            samples.push(samples[samples.len() - 1].square() + small(i));
        }
        samples
    }

    #[test]
    fn constants_satisfy_their_equations() {
        assert!((Field::D * small(121_666)).equals(-small(121_665)));
        assert!((Field::ONE_OVER_B * small(486_664)).equals(-Field::ONE));
        assert!((Field::ONE_OVER_B * small(486_662)).equals(Field::A_OVER_B));
        assert!(Field::SQRT_M1.square().equals(-Field::ONE));
        assert_eq!(Field::SQRT_M1.abs().low_u64() & 1, 0);
    }

    #[test]
    fn multiplication_is_that_of_a_commutative_ring() {
        for a in samples() {
            assert!((a * Field::ONE).equals(a));
            assert!((a - a).equals(Field::ZERO));
            assert!(a.square().equals(a * a));
            for b in samples() {
                assert!((a * b).equals(b * a));
                let (a, b) = (a * Field::ONE, b * Field::ONE);
                assert!(((a + b) * (a - b)).equals(a.square() - b.square()));
            }
        }
    }

    #[test]
    fn every_number_but_zero_has_an_inverse() {
        for a in samples() {
            let expected = if a.equals(Field::ZERO) {
                Field::ZERO
            } else {
                Field::ONE
            };
            assert!((a * a.invert()).equals(expected) || a.equals(Field::ZERO));
        }
    }

    #[test]
    fn squares_have_inverse_roots_and_others_have_none() {
        for a in samples().into_iter().filter(|a| !a.equals(Field::ZERO)) {
            let root = a.square().invert_sqrt().expect("a square");
            assert!((root * a).square().equals(Field::ONE));
            assert_eq!(root.low_u64() & 1, 0);
            // 2 is not a square modulo p = 5 modulo 8.
            assert!((a.square() * small(2)).invert_sqrt().is_none());
        }
    }

    #[test]
    fn bytes_are_little_endian_and_reduced() {
        let mut bytes = [0; 32];
        for position in 0..255_usize {
            bytes[position / 8] = 1 << (position % 8);
            let power = small(2).power(position);
            assert!(Field::from_bytes(&bytes).equals(power), "2^{position}");
            bytes[position / 8] = 0;
        }
        // p itself and p + 1.
        assert_eq!(Field([MASK - 18, MASK, MASK, MASK, MASK]).low_u64(), 0);
        assert_eq!(Field([MASK - 17, MASK, MASK, MASK, MASK]).low_u64(), 1);
        assert_eq!((-Field::ONE).low_u64(), 0u64.wrapping_sub(20));
    }

    impl Field {
        fn power(self, exponent: usize) -> Self {
            (0..exponent).fold(Self::ONE, |power, _| power * self)
        }
    }
}
