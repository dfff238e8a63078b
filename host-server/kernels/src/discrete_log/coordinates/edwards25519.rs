//! ristretto255 on the curve edwards25519, `−x² + y² = 1 + d·x²·y²`.
//!
//! An element of ristretto255 is four points of the curve that differ by a point of order four
//! (RFC 9496). Four times any of them is one and the same point, of prime order; so everything
//! here happens to `4E` instead of `E`, where equal means equal coordinates. A point and its
//! negation share `y`, which is the key. The addition law has no exceptions: no denominator is 0.

use super::{BlockKeys, Coordinates, REACH, field25519::Field};

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

/// A point in affine coordinates with `d·x·y`.
#[derive(Clone, Copy)]
pub(in super::super) struct Affine {
    x: Field,
    y: Field,
    dxy: Field,
}

impl Coordinates for Edwards25519 {
    type Point = Point;
    type Comb = Vec<Affine>;

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
        let mut inverses: Vec<_> = multiples.iter().map(|multiple| multiple.z).collect();
        invert_all(&mut inverses);
        let affine = |(point, inverse): (&Point, &Field)| Affine {
            x: point.x * *inverse,
            y: point.y * *inverse,
            dxy: point.t * *inverse * Field::D,
        };
        multiples.iter().zip(&inverses).map(affine).collect()
    }

    /// With `(X : Y : Z : T)` the centre and `(x, y)` a multiple of the step, the two sums have
    /// the coordinates `y = (Yy ± Xx)/(Z ∓ T·dxy) = (Yy ± Xx)(Z ± T·dxy)/(Z² − (T·dxy)²)`.
    fn keys(centre: &Point, comb: &Vec<Affine>, keys: &mut BlockKeys) {
        let mut plus = [centre.y; REACH + 1];
        let mut minus = [centre.y; REACH + 1];
        let mut denominators = [centre.z; REACH + 1];
        let zz = centre.z.square();
        for (j, multiple) in (1..).zip(comb) {
            let yy = centre.y * multiple.y;
            let xx = centre.x * multiple.x;
            let product = centre.t * multiple.dxy;
            plus[j] = (yy + xx) * (centre.z + product);
            minus[j] = (yy - xx) * (centre.z - product);
            denominators[j] = zz - product.square();
        }
        invert_all(&mut denominators);
        for (j, inverse) in denominators.into_iter().enumerate() {
            keys[REACH + j] = (plus[j] * inverse).low_u64();
            keys[REACH - j] = (minus[j] * inverse).low_u64();
        }
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

/// Replaces each of at most `R + 1` numbers by its inverse, none of them being 0 (Montgomery's
/// trick: one inversion and three multiplications a number).
fn invert_all(numbers: &mut [Field]) {
    let mut product = Field::ONE;
    let mut prefixes = [Field::ONE; REACH + 1];
    for (prefix, number) in prefixes.iter_mut().zip(&*numbers) {
        *prefix = product;
        product = product * *number;
    }
    let mut inverse = product.invert();
    for (prefix, number) in prefixes.iter().zip(numbers).rev() {
        let next = inverse * *number;
        *number = inverse * *prefix;
        inverse = next;
    }
}
