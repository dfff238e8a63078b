//! ristretto255 on big integers: edwards25519 by its addition law, and the encoding of RFC 9496
//! section 4.3 line by line. Every constant but `p` and the order is computed from its definition.

use num_bigint::BigUint;

use super::ReferenceGroup;

/// ristretto255.
pub struct Ristretto {
    /// 2^255 − 19.
    p: BigUint,
    /// 2^252 + 27742317777372353535851937790883648493.
    order: BigUint,
    /// −121665/121666.
    d: BigUint,
    /// `√−1`, the one that is 2^((p−1)/4).
    sqrt_m1: BigUint,
    /// `1/√(a − d)` with `a = −1`.
    invsqrt_a_minus_d: BigUint,
    /// The point with `y = 4/5` and even `x`.
    base: Point,
}

/// `x = X/Z`, `y = Y/Z` on `−x² + y² = 1 + d·x²·y²`.
#[derive(Clone, Debug)]
pub struct Point {
    x: BigUint,
    y: BigUint,
    z: BigUint,
}

/// Whether two points stand for the same element (RFC 9496 section 4.3.3); the denominators cancel.
impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        let p = modulus();
        let product = |a: &BigUint, b: &BigUint| a * b % &p;
        product(&self.x, &other.y) == product(&self.y, &other.x)
            || product(&self.y, &other.y) == product(&self.x, &other.x)
    }
}

fn modulus() -> BigUint {
    (BigUint::from(1_u8) << 255) - 19_u8
}

impl Default for Ristretto {
    fn default() -> Self {
        let one = BigUint::from(1_u8);
        let p = modulus();
        let order = (&one << 252) + 27_742_317_777_372_353_535_851_937_790_883_648_493_u128;
        let sqrt_m1 = BigUint::from(2_u8).modpow(&((&p - 1_u8) / 4_u8), &p);
        let mut curve = Self {
            p,
            order,
            d: BigUint::ZERO,
            sqrt_m1,
            invsqrt_a_minus_d: BigUint::ZERO,
            base: Point {
                x: BigUint::ZERO,
                y: one.clone(),
                z: one.clone(),
            },
        };
        let fraction = |n: u32, d: u32| curve.times(&n.into(), &curve.inverse(&d.into()));
        curve.d = curve.minus(&BigUint::ZERO, &fraction(121_665, 121_666));
        let a_minus_d = curve.minus(&curve.minus(&BigUint::ZERO, &one), &curve.d);
        curve.invsqrt_a_minus_d = curve.sqrt_ratio_m1(&one, &a_minus_d).1;

        // x² = (y² − 1)/(d·y² + 1).
        let y = curve.times(&BigUint::from(4_u8), &curve.inverse(&BigUint::from(5_u8)));
        let yy = curve.times(&y, &y);
        let denominator = curve.plus(&curve.times(&curve.d, &yy), &one);
        let (_, x) = curve.sqrt_ratio_m1(&curve.minus(&yy, &one), &denominator);
        curve.base = Point { x, y, z: one };
        curve
    }
}

impl Ristretto {
    fn plus(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + b) % &self.p
    }

    fn minus(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + &self.p - b) % &self.p
    }

    fn times(&self, a: &BigUint, b: &BigUint) -> BigUint {
        a * b % &self.p
    }

    fn product(&self, factors: &[&BigUint]) -> BigUint {
        let one = BigUint::from(1_u8);
        factors
            .iter()
            .fold(one, |product, f| self.times(&product, f))
    }

    fn inverse(&self, a: &BigUint) -> BigUint {
        a.modpow(&(&self.p - 2_u8), &self.p)
    }

    /// `−a` or `a`.
    fn negate_if(&self, a: &BigUint, condition: bool) -> BigUint {
        match condition {
            true => self.minus(&BigUint::ZERO, a),
            false => a.clone(),
        }
    }

    /// `CT_ABS` of RFC 9496 section 4.1.
    fn abs(&self, a: &BigUint) -> BigUint {
        self.negate_if(a, is_negative(a))
    }

    /// `SQRT_RATIO_M1` of RFC 9496 section 4.2: whether `u/v` is a square, and the non-negative
    /// root of `u/v` or else of `√−1·u/v`.
    fn sqrt_ratio_m1(&self, u: &BigUint, v: &BigUint) -> (bool, BigUint) {
        let v3 = self.product(&[v, v, v]);
        let v7 = self.product(&[&v3, &v3, v]);
        let exponent = (&self.p - 5_u8) / 8_u8;
        let root = self.times(u, &v7).modpow(&exponent, &self.p);
        let r = self.product(&[u, &v3, &root]);
        let check = self.product(&[v, &r, &r]);
        let minus_u = self.minus(&BigUint::ZERO, u);
        let correct_sign = check == *u;
        let flipped_sign = check == minus_u;
        let flipped_sign_i = check == self.times(&minus_u, &self.sqrt_m1);
        let r = match flipped_sign || flipped_sign_i {
            true => self.times(&self.sqrt_m1, &r),
            false => r,
        };
        (correct_sign || flipped_sign, self.abs(&r))
    }
}

/// `IS_NEGATIVE` of RFC 9496 section 4.1.
fn is_negative(a: &BigUint) -> bool {
    a.bit(0)
}

fn little_endian(integer: &BigUint) -> Vec<u8> {
    let mut bytes = integer.to_bytes_le();
    bytes.resize(32, 0);
    bytes
}

impl ReferenceGroup for Ristretto {
    type Element = Point;

    fn suite(&self) -> u64 {
        1
    }

    fn order(&self) -> &BigUint {
        &self.order
    }

    fn wide_len(&self) -> usize {
        64
    }

    fn identity(&self) -> Point {
        Point {
            x: BigUint::ZERO,
            y: BigUint::from(1_u8),
            z: BigUint::from(1_u8),
        }
    }

    fn generator(&self) -> Point {
        self.base.clone()
    }

    /// The affine law `x₃ = (x₁y₂ + y₁x₂)/(1 + e)`, `y₃ = (y₁y₂ + x₁x₂)/(1 − e)` with
    /// `e = d·x₁x₂y₁y₂`, its denominators cleared. It has no exceptions on this curve.
    fn add(&self, a: &Point, b: &Point) -> Point {
        let zz = self.times(&a.z, &b.z);
        let zzzz = self.times(&zz, &zz);
        let (xx, yy) = (self.times(&a.x, &b.x), self.times(&a.y, &b.y));
        let e = self.product(&[&self.d, &xx, &yy]);
        let (below_x, below_y) = (self.plus(&zzzz, &e), self.minus(&zzzz, &e));
        let above_x = self.plus(&self.times(&a.x, &b.y), &self.times(&a.y, &b.x));
        let above_y = self.plus(&yy, &xx);
        Point {
            x: self.product(&[&zz, &above_x, &below_y]),
            y: self.product(&[&zz, &above_y, &below_x]),
            z: self.times(&below_x, &below_y),
        }
    }

    fn neg(&self, a: &Point) -> Point {
        Point {
            x: self.minus(&BigUint::ZERO, &a.x),
            ..a.clone()
        }
    }

    /// Double and add, from the highest bit.
    fn mul(&self, a: &Point, k: &BigUint) -> Point {
        (0..k.bits()).rev().fold(self.identity(), |sum, i| {
            let double = self.add(&sum, &sum);
            match k.bit(i) {
                true => self.add(&double, a),
                false => double,
            }
        })
    }

    /// RFC 9496 section 4.3.2.
    fn encode(&self, a: &Point) -> Vec<u8> {
        let z_inverse = self.inverse(&a.z);
        let (x0, y0) = (self.times(&a.x, &z_inverse), self.times(&a.y, &z_inverse));
        let (z0, t0) = (BigUint::from(1_u8), self.times(&x0, &y0));

        let u1 = self.times(&self.plus(&z0, &y0), &self.minus(&z0, &y0));
        let u2 = self.times(&x0, &y0);
        let (_, invsqrt) = self.sqrt_ratio_m1(&z0, &self.product(&[&u1, &u2, &u2]));
        let den1 = self.times(&invsqrt, &u1);
        let den2 = self.times(&invsqrt, &u2);
        let z_inv = self.product(&[&den1, &den2, &t0]);

        let ix0 = self.times(&x0, &self.sqrt_m1);
        let iy0 = self.times(&y0, &self.sqrt_m1);
        let enchanted_denominator = self.times(&den1, &self.invsqrt_a_minus_d);
        let rotate = is_negative(&self.times(&t0, &z_inv));
        let (x, y, den_inv) = match rotate {
            true => (iy0, ix0, enchanted_denominator),
            false => (x0, y0, den2),
        };
        let y = self.negate_if(&y, is_negative(&self.times(&x, &z_inv)));
        little_endian(&self.abs(&self.times(&den_inv, &self.minus(&z0, &y))))
    }

    /// RFC 9496 section 4.3.1.
    fn decode(&self, bytes: &[u8]) -> Option<Point> {
        let s = BigUint::from_bytes_le(bytes);
        if bytes.len() != 32 || s >= self.p || is_negative(&s) {
            return None;
        }
        let one = BigUint::from(1_u8);
        let ss = self.times(&s, &s);
        let u1 = self.minus(&one, &ss);
        let u2 = self.plus(&one, &ss);
        let u2_sqr = self.times(&u2, &u2);
        let d_u1_u1 = self.product(&[&self.d, &u1, &u1]);
        let v = self.minus(&self.minus(&BigUint::ZERO, &d_u1_u1), &u2_sqr);
        let (was_square, invsqrt) = self.sqrt_ratio_m1(&one, &self.times(&v, &u2_sqr));
        let den_x = self.times(&invsqrt, &u2);
        let den_y = self.product(&[&invsqrt, &den_x, &v]);
        let x = self.abs(&self.product(&[&BigUint::from(2_u8), &s, &den_x]));
        let y = self.times(&u1, &den_y);
        let t = self.times(&x, &y);
        let is_valid = was_square && !is_negative(&t) && y != BigUint::ZERO;
        is_valid.then_some(Point { x, y, z: one })
    }

    fn integer(&self, bytes: &[u8]) -> BigUint {
        BigUint::from_bytes_le(bytes)
    }

    fn scalar_bytes(&self, k: &BigUint) -> Vec<u8> {
        little_endian(k)
    }

    /// Any scalar is short here.
    fn short(&self, wide: &[u8]) -> BigUint {
        BigUint::from_bytes_le(wide) % &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_that_of_rfc_9496_and_has_the_order_it_says() {
        let group = Ristretto::default();
        // RFC 9496 appendix A.1, multiples 0 and 1.
        let encoding = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76";
        let bytes = group.encode(&group.generator());
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, encoding);
        assert_eq!(group.encode(&group.identity()), [0; 32]);
        assert_eq!(group.base(group.order()), group.identity());
        assert_ne!(group.generator(), group.identity());
        assert!(!is_negative(&group.base.x));
        assert_eq!(group.decode(&bytes), Some(group.generator()));
    }
}
