//! The field of 256 elements in which secrets are shared: bytes as polynomials over GF(2) modulo
//! `x^8 + x^4 + x^3 + x + 1`, as in AES (SLIP-39, section "Shamir's secret-sharing").
//!
//! Addition and subtraction are exclusive or. There are no tables, so that neither time nor the
//! addresses of memory accesses depend on the operands.

/// `a · b`: for each bit of `b` a doubling of `a`, and an addition under a mask.
pub(super) fn mul(a: u8, b: u8) -> u8 {
    let (mut product, mut power) = (0, a);
    for bit in 0..8 {
        product ^= power & mask(b >> bit);
        // x^8 = x^4 + x^3 + x + 1.
        power = (power << 1) ^ (0x1b & mask(power >> 7));
    }
    product
}

/// `1/a = a^254`; zero for zero, which has none.
pub(super) fn invert(a: u8) -> u8 {
    // 254 = 2 + 4 + 8 + … + 128.
    let (mut inverse, mut square) = (1, a);
    for _ in 0..7 {
        square = mul(square, square);
        inverse = mul(inverse, square);
    }
    inverse
}

/// All ones if the lowest bit is set, zero otherwise.
fn mask(bits: u8) -> u8 {
    (bits & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::{invert, mul};

    /// The product by logarithms to the base of the generator `x + 1`.
    fn powers() -> [u8; 255] {
        let mut powers = [1; 255];
        for i in 1..255 {
            let double = u16::from(powers[i - 1]) << 1;
            let reduced = if double > 0xff {
                double ^ 0x11b
            } else {
                double
            };
            powers[i] = u8::try_from(reduced).expect("reduced") ^ powers[i - 1];
        }
        powers
    }

    #[test]
    fn every_product_agrees_with_logarithms() {
        let powers = powers();
        for (i, a) in powers.iter().enumerate() {
            for (j, b) in powers.iter().enumerate() {
                assert_eq!(mul(*a, *b), powers[(i + j) % 255]);
            }
            assert_eq!((mul(*a, 0), mul(0, *a)), (0, 0));
        }
        assert_eq!(mul(0, 0), 0);
    }

    #[test]
    fn every_element_but_zero_has_its_inverse() {
        for a in 1..=255 {
            assert_eq!(mul(a, invert(a)), 1);
        }
        assert_eq!(invert(0), 0);
    }
}
