//! The group ristretto255 of RFC 9496, on curve25519-dalek.
//!
//! Elements and scalars are 32 bytes, scalars little-endian; 64 uniform bytes reduce to a scalar.

use core::ops::{Add, Mul, Neg, Sub};

use curve25519_dalek::{RistrettoPoint, Scalar as DalekScalar, constants, traits::Identity};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::{Group, ShortScalar};
use crate::error::DecodeError;

/// The group ristretto255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ristretto255;

/// An element of ristretto255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element(RistrettoPoint);

/// An integer modulo 2^252 + 27742317777372353535851937790883648493.
#[derive(Clone, Copy)]
pub struct Scalar(DalekScalar);

impl Group for Ristretto255 {
    type Element = Element;
    type Scalar = Scalar;
    type ElementBytes = [u8; 32];
    type ScalarBytes = [u8; 32];
    type WideBytes = [u8; 64];

    fn identity() -> Element {
        Element(RistrettoPoint::identity())
    }

    fn generator() -> Element {
        Element(constants::RISTRETTO_BASEPOINT_POINT)
    }

    fn mul(element: &Element, scalar: &Scalar) -> Element {
        Element(element.0 * scalar.0)
    }

    fn mul_base(scalar: &Scalar) -> Element {
        Element(RistrettoPoint::mul_base(&scalar.0))
    }

    fn mul_short(element: &Element, scalar: &ShortScalar<Self>) -> Element {
        Self::mul(element, &scalar.widen())
    }

    fn mul_base_short(scalar: &ShortScalar<Self>) -> Element {
        Self::mul_base(&scalar.widen())
    }

    fn mul_base_i64(value: i64) -> Element {
        Self::mul_base(&Self::scalar_from_i64(value))
    }

    fn encode(element: &Element) -> [u8; 32] {
        element.0.compress().to_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Element, DecodeError> {
        curve25519_dalek::ristretto::CompressedRistretto::from_slice(bytes)
            .map_err(|_| DecodeError::Length)?
            .decompress()
            .map(Element)
            .ok_or(DecodeError::NonCanonical)
    }

    fn encode_scalar(scalar: &Scalar) -> [u8; 32] {
        scalar.0.to_bytes()
    }

    fn decode_scalar(bytes: &[u8]) -> Result<Scalar, DecodeError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| DecodeError::Length)?;
        // What is below the order stays as it is when reduced. With the reduction that is there for
        // uniform bytes, an image need not hold a second one.
        let mut wide = Zeroizing::new([0; 64]);
        for (to, from) in wide.iter_mut().zip(bytes) {
            *to = *from;
        }
        let mut scalar = Self::reduce(&wide);
        if bool::from(scalar.0.as_bytes().ct_eq(bytes)) {
            Ok(scalar)
        } else {
            scalar.zeroize();
            Err(DecodeError::NonCanonical)
        }
    }

    fn scalar_from_i64(value: i64) -> Scalar {
        let magnitude = DalekScalar::from(value.unsigned_abs());
        let negative = Choice::from(u8::from(value < 0));
        Scalar(DalekScalar::conditional_select(
            &magnitude,
            &-magnitude,
            negative,
        ))
    }

    fn reduce(wide: &[u8; 64]) -> Scalar {
        Scalar(DalekScalar::from_bytes_mod_order_wide(wide))
    }

    fn reduce_short(wide: &[u8; 64]) -> ShortScalar<Self> {
        ShortScalar::new_unchecked(Self::reduce(wide))
    }
}

impl Element {
    /// The point of curve25519-dalek behind this element, for bulk arithmetic on a host.
    #[must_use]
    pub fn as_dalek(&self) -> &RistrettoPoint {
        &self.0
    }

    /// The element of a point of curve25519-dalek.
    #[must_use]
    pub fn from_dalek(point: RistrettoPoint) -> Self {
        Self(point)
    }
}

impl ConstantTimeEq for Element {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Add for Element {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Element {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Element {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl ConstantTimeEq for Scalar {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Zeroize for Scalar {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl Add for Scalar {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Scalar {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Mul for Scalar {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

impl Neg for Scalar {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
