//! Shamir's secret sharing, every byte by itself, with a digest that tells right shares from wrong
//! ones (SLIP-39, sections "Shamir's secret-sharing" and "Generating and combining the shares").
//!
//! ```text
//! f(255) = secret
//! f(254) = HMAC-SHA-256(key = R, secret)[..4] ‖ R
//! f(0), f(1), … = shares
//! ```
//!
//! `f` has degree `m − 1`: with `m = 1` it is the secret everywhere, and there is no digest. For
//! the others `f(254)` and `f(0), …, f(m − 3)` are drawn at random (`R` all but the digest), which
//! together with the secret determines the remaining shares. Who has `m − 1` shares can check a
//! guess of the secret by its digest; that is of no use against 128 random bits.

use core::array;

use hmac::Mac;
use rand_core::CryptoRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    SHARES_MAX,
    gf256::{invert, mul},
    secret::Secret,
};
use crate::hash::mac;

/// Where the polynomial is the secret.
const SECRET_X: u8 = 255;
/// Where it is the digest and its key.
const DIGEST_X: u8 = 254;
const DIGEST_BYTES: usize = 4;

/// Points `(x, f(x))` of a polynomial, at most 16. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Points {
    /// Beyond the first `len` they are empty.
    points: [(u8, Secret); SHARES_MAX as usize],
    len: u8,
}

impl Points {
    pub fn new() -> Self {
        Self {
            points: array::from_fn(|_| (0, Secret::empty())),
            len: 0,
        }
    }

    /// Adds a point; a seventeenth is dropped (nobody has it).
    pub fn push(&mut self, x: u8, y: Secret) {
        if let Some(point) = self.points.get_mut(usize::from(self.len)) {
            *point = (x, y);
            self.len += 1;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (u8, &Secret)> + Clone {
        let points = self.points.iter().take(usize::from(self.len));
        points.map(|(x, y)| (*x, y))
    }

    /// `f(x)`.
    pub fn at(&self, x: u8) -> Option<Secret> {
        interpolate(self.iter(), x)
    }
}

/// Draws a polynomial of degree `threshold − 1` with `f(255) = secret`, as that many points of it.
pub(super) fn share(secret: Secret, threshold: u8, rng: &mut impl CryptoRng) -> Points {
    let mut points = Points::new();
    let mut random = || {
        let mut y = secret.zeros_alike();
        rng.fill_bytes(y.bytes_mut());
        y
    };
    for x in 0..threshold.saturating_sub(2) {
        points.push(x, random());
    }
    if threshold > 1 {
        let mut y = random();
        if let Some((digest, key)) = y.bytes_mut().split_first_chunk_mut() {
            *digest = digest_of(key, &secret);
        }
        points.push(DIGEST_X, y);
    }
    points.push(SECRET_X, secret);
    points
}

/// The secret of the polynomial through `threshold` points; none if its digest is wrong. All
/// points have different `x` and `y` of one length.
pub(super) fn recover<'a>(
    points: impl Iterator<Item = (u8, &'a Secret)> + Clone,
    threshold: u8,
) -> Option<Secret> {
    let secret = interpolate(points.clone(), SECRET_X)?;
    if threshold > 1 {
        let digest = interpolate(points, DIGEST_X)?;
        let (digest, key) = digest.expose_bytes().split_first_chunk::<DIGEST_BYTES>()?;
        if !bool::from(digest_of(key, &secret).ct_eq(digest)) {
            return None;
        }
    }
    Some(secret)
}

/// `HMAC-SHA-256(key, secret)`, cut to four bytes.
fn digest_of(key: &[u8], secret: &Secret) -> [u8; DIGEST_BYTES] {
    let digest = mac::<Sha256>(key).chain_update(secret.expose_bytes());
    let digest: [u8; 32] = digest.finalize().into_bytes().into();
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

/// `f(x) = Σ_i y_i · Π_(j ≠ i) (x − x_j) / (x_i − x_j)`; none if there is no point. The weights
/// depend on which shares there are, which is no secret; the bytes of `y` go through
/// multiplications alone.
fn interpolate<'a>(
    points: impl Iterator<Item = (u8, &'a Secret)> + Clone,
    x: u8,
) -> Option<Secret> {
    let (_, first) = points.clone().next()?;
    let mut sum = first.zeros_alike();
    for (x_i, y_i) in points.clone() {
        let others = points.clone().map(|(x_j, _)| x_j).filter(|x_j| *x_j != x_i);
        let weight = others.fold(1, |weight, x_j| {
            mul(weight, mul(x ^ x_j, invert(x_i ^ x_j)))
        });
        for (sum, y) in sum.bytes_mut().iter_mut().zip(y_i.expose_bytes()) {
            *sum ^= mul(weight, *y);
        }
    }
    Some(sum)
}
