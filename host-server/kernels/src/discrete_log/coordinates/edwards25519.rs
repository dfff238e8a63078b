//! ristretto255 on the curve edwards25519, `−x² + y² = 1 + d·x²·y²`.
//!
//! An element of ristretto255 is four points of the curve that differ by a point of order four
//! (RFC 9496). Four times any of them is one and the same point, of prime order; so everything
//! here happens to `4E` instead of `E`, where equal means equal coordinates.
//!
//! Single steps are taken in extended coordinates, whose addition law has no exceptions. Blocks
//! are computed on the same curve in another form, `v² = u³ + (A/B)·u² + u/B²` with `A = 486662`,
//! `B = −486664`, in affine coordinates, where they cost least:
//!
//! ```text
//! u = (1 + y)/((1 − y)·B)      v = u/x
//! u(P ± Q) = λ² − A/B − u(P) − u(Q)      λ = (v(P) ∓ v(Q))/(u(P) − u(Q))
//! ```
//!
//! (curve25519 divided by its coefficient `B`; Bernstein and others 2008, "Twisted Edwards curves",
//! section 3.) The two sums share their denominator, and one inversion serves a whole block: three
//! and a half multiplications a key. A point and its negation share `u`, which is the key. The
//! identity has none, and a key that nothing else has stands for it.

use super::{Coordinates, field25519::Field};

/// Marker; see the module's description.
pub(in super::super) struct Edwards25519;

/// Extended coordinates: `x = X/Z`, `y = Y/Z`, `xy = T/Z`.
#[derive(Clone, Copy)]
pub(in super::super) struct Point {
    x: Field,
    y: Field,
    z: Field,
    t: Field,
}

/// The affine coordinates `u` and `v` of a point that is not the identity.
#[derive(Clone, Copy)]
pub(in super::super) struct Affine {
    u: Field,
    v: Field,
}

/// The key of the identity. No other point of prime order has `u = 0`.
const KEY_OF_IDENTITY: u64 = 0;

/// The `R` of [`Coordinates`]: long, so that a block's two inversions do not matter.
const REACH: usize = 256;

impl Coordinates for Edwards25519 {
    type Point = Point;
    type Comb = Vec<Affine>;

    const REACH: usize = REACH;

    fn point(encoding: &[u8]) -> Point {
        let encoding = encoding.try_into().expect("an encoding has 32 bytes");
        Point::decode(encoding).double().double()
    }

    /// Hisil, Wong, Carter and Dawson 2008, section 3.1, for `a = −1`.
    fn add(a: &Point, b: &Point) -> Point {
        let minus = (a.y - a.x) * (b.y - b.x);
        let plus = (a.y + a.x) * (b.y + b.x);
        let c = a.t * b.t * (Field::D + Field::D);
        let d = a.z * (b.z + b.z);
        Point::from_factors(plus - minus, d - c, d + c, plus + minus)
    }

    fn negate(a: &Point) -> Point {
        Point {
            x: -a.x,
            t: -a.t,
            ..*a
        }
    }

    fn comb(step: &Point) -> Vec<Affine> {
        let mut multiple = *step;
        let mut multiples = Vec::with_capacity(REACH);
        for _ in 0..REACH {
            multiples.push(multiple);
            multiple = Self::add(&multiple, step);
        }
        let mut inverses: [_; REACH] = std::array::from_fn(|i| multiples[i].denominator());
        invert_all(&mut inverses);
        let affine = |(point, inverse): (&Point, &Field)| point.to_affine(*inverse);
        multiples.iter().zip(&inverses).map(affine).collect()
    }

    fn keys(centre: &Point, comb: &Vec<Affine>, keys: &mut [u64]) {
        let inverse = centre.denominator().invert();
        if inverse.is_zero() {
            return keys_around_identity(comb, keys);
        }
        let Affine { u, v } = centre.to_affine(inverse);
        let mut inverses = [u; REACH];
        for (inverse, multiple) in inverses.iter_mut().zip(comb) {
            *inverse = u - multiple.u;
        }
        let exception = invert_all(&mut inverses);

        keys[REACH] = u.low_u64();
        let (below, above) = keys.split_at_mut(REACH);
        let pairs = below.iter_mut().rev().zip(&mut above[1..]);
        let u_and_constant = u + Field::A_OVER_B;
        for ((minus, plus), (multiple, inverse)) in pairs.zip(comb.iter().zip(&inverses)) {
            let subtrahend = u_and_constant + multiple.u;
            let slope = (v - multiple.v) * *inverse;
            *plus = slope.square().low_u64_less(subtrahend);
            let slope = (v + multiple.v) * *inverse;
            *minus = slope.square().low_u64_less(subtrahend);
        }

        // Where `u(C) = u(jT)` the centre `C` is `jT` or `−jT`: one sum is the identity, the other
        // `2C`.
        if let Some(i) = exception {
            let (plus, minus) = (REACH + 1 + i, REACH - 1 - i);
            let is_multiple = v.equals(comb[i].v);
            let (identity, double) = if is_multiple {
                (minus, plus)
            } else {
                (plus, minus)
            };
            keys[identity] = KEY_OF_IDENTITY;
            keys[double] = centre.double().key();
        }
    }
}

/// The keys of `±jT`.
fn keys_around_identity(comb: &[Affine], keys: &mut [u64]) {
    keys[REACH] = KEY_OF_IDENTITY;
    for (j, multiple) in (1..).zip(comb) {
        let key = multiple.u.low_u64();
        keys[REACH + j] = key;
        keys[REACH - j] = key;
    }
}

impl Point {
    /// The decoder of RFC 9496 section 4.3.1, for an encoding known to be canonical.
    fn decode(encoding: &[u8; 32]) -> Self {
        let s = Field::from_bytes(encoding);
        let u1 = Field::ONE - s.square();
        let u2 = Field::ONE + s.square();
        let u2_squared = u2.square();
        let v = -(Field::D * u1.square()) - u2_squared;
        let root = (v * u2_squared)
            .invert_sqrt()
            .expect("a canonical encoding decodes");
        let denominator_x = root * u2;
        let x = ((s + s) * denominator_x).abs();
        let y = u1 * (root * denominator_x * v);
        Self {
            x,
            y,
            z: Field::ONE,
            t: x * y,
        }
    }

    /// What is divided by on the way to `u` and `v`: 0 for the identity alone.
    fn denominator(&self) -> Field {
        self.x * (self.z - self.y)
    }

    /// The point in affine coordinates, given the inverse of its [`Self::denominator`].
    fn to_affine(self, inverse: Field) -> Affine {
        let u = (self.z + self.y) * self.x * inverse * Field::ONE_OVER_B;
        let one_over_x = self.z * (self.z - self.y) * inverse;
        Affine {
            u,
            v: u * one_over_x,
        }
    }

    /// The key of a point that is not the identity.
    fn key(self) -> u64 {
        self.to_affine(self.denominator().invert()).u.low_u64()
    }

    /// Hisil, Wong, Carter and Dawson 2008, section 3.3, for `a = −1`.
    fn double(self) -> Self {
        let (xx, yy, zz) = (self.x.square(), self.y.square(), self.z.square());
        let h = xx + yy;
        let g = xx - yy;
        Self::from_factors(h - (self.x + self.y).square(), zz + zz + g, g, h)
    }

    /// `X = ef, Y = gh, Z = fg, T = eh`.
    fn from_factors(e: Field, f: Field, g: Field, h: Field) -> Self {
        Self {
            x: e * f,
            y: g * h,
            z: f * g,
            t: e * h,
        }
    }
}

/// Replaces numbers by their inverses (Montgomery's trick: one inversion, and three multiplications
/// a number). One of them may be 0; its position is returned, and it stays 0.
fn invert_all(numbers: &mut [Field; REACH]) -> Option<usize> {
    let mut prefixes = [Field::ONE; REACH];
    let mut products = multiply_up(numbers, &mut prefixes);
    let exception = if products.iter().any(|product| product.is_zero()) {
        numbers.iter().position(|number| number.is_zero())
    } else {
        None
    };
    if let Some(i) = exception {
        numbers[i] = Field::ONE;
        products = multiply_up(numbers, &mut prefixes);
    }
    let [a, b, c, d] = products;
    let (ab, cd) = (a * b, c * d);
    let inverse = (ab * cd).invert();
    let (inverse_ab, inverse_cd) = (inverse * cd, inverse * ab);
    let mut inverses = [
        inverse_ab * b,
        inverse_ab * a,
        inverse_cd * d,
        inverse_cd * c,
    ];
    let rows = numbers.chunks_exact_mut(CHAINS);
    for (row, prefixes) in rows.zip(prefixes.chunks_exact(CHAINS)).rev() {
        for ((number, prefix), inverse) in row.iter_mut().zip(prefixes).zip(&mut inverses) {
            let next = *inverse * *number;
            *number = *inverse * *prefix;
            *inverse = next;
        }
    }
    if let Some(i) = exception {
        numbers[i] = Field::ZERO;
    }
    exception
}

/// Products that do not wait for each other keep the processor busy: number `i` belongs to chain
/// `i mod 4`. The product of each chain, and in `prefixes` that of what comes before each number.
fn multiply_up(numbers: &[Field; REACH], prefixes: &mut [Field; REACH]) -> [Field; CHAINS] {
    let mut products = [Field::ONE; CHAINS];
    let rows = numbers.chunks_exact(CHAINS);
    for (row, prefixes) in rows.zip(prefixes.chunks_exact_mut(CHAINS)) {
        for ((number, prefix), product) in row.iter().zip(prefixes).zip(&mut products) {
            *prefix = *product;
            *product = *product * *number;
        }
    }
    products
}

const CHAINS: usize = 4;

#[cfg(test)]
mod tests {
    use core_nostd::group::{Group, ristretto255::Ristretto255};

    use super::*;

    fn multiple(m: i64) -> Point {
        let element = Ristretto255::mul_base_i64(m);
        Edwards25519::point(&Ristretto255::encode(&element))
    }

    /// The key of a point that is looked at alone.
    fn lone_key(point: &Point) -> u64 {
        if point.denominator().is_zero() {
            KEY_OF_IDENTITY
        } else {
            point.key()
        }
    }

    #[test]
    fn keys_are_those_of_the_sums_at_every_centre() {
        let reach = i64::try_from(REACH).expect("small");
        for step in [1, 1000] {
            let comb = Edwards25519::comb(&multiple(step));
            // Zero, one half of a step, and centres that are a multiple of the step themselves.
            for centre in [0, 1, -1, 2, 17, -reach, reach, reach + 1, -reach - 1] {
                for centre in [centre * step, centre * step + step / 2, 987_654_321] {
                    let mut keys = [0; 2 * REACH + 1];
                    Edwards25519::keys(&multiple(centre), &comb, &mut keys);
                    for (key, j) in keys.iter().zip(-reach..) {
                        let m = centre + j * step;
                        assert_eq!(*key, lone_key(&multiple(m)), "{centre} + {j}·{step}");
                        assert_eq!(*key == KEY_OF_IDENTITY, m == 0);
                    }
                }
            }
        }
    }

    #[test]
    fn a_zero_among_the_numbers_stays_zero_and_the_others_are_inverted() {
        let numbers = std::array::from_fn(|i| multiple(1 + i64::try_from(i).expect("small")).y);
        for zero in [None, Some(0), Some(5), Some(REACH - 1)] {
            let mut numbers: [Field; REACH] = numbers;
            if let Some(i) = zero {
                numbers[i] = Field::ZERO;
            }
            let mut inverses = numbers;
            assert_eq!(invert_all(&mut inverses), zero);
            for (i, (number, inverse)) in numbers.iter().zip(&inverses).enumerate() {
                let product = *number * *inverse;
                assert!(product.equals(if Some(i) == zero {
                    Field::ZERO
                } else {
                    Field::ONE
                }));
            }
        }
    }
}
