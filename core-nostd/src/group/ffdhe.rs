//! The groups ffdhe2048 and ffdhe3072 of RFC 7919, on crypto-bigint.
//!
//! A safe prime `p = 2q + 1` gives the group: the squares modulo `p`, which are the powers of the
//! generator 2 and have prime order `q`. It is multiplicative; here it is written additively like
//! every [`Group`], so `A + B` multiplies residues and `s·E` raises `E` to the power `s`.
//!
//! Elements and scalars are big-endian and as long as `p`: 256 or 384 bytes. A scalar is 16 bytes
//! more when it is still to be reduced. Short scalars have 256 or 288 bits.

use core::{
    fmt::{self, Debug},
    marker::PhantomData,
    ops::{Add, Mul, Neg, Sub},
};

use crypto_bigint::{
    JacobiSymbol, Odd, U64, U2048, U3072, Uint, UintRef,
    modular::{ConstMontyForm, ConstMontyParams, FixedMontyParams},
};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::{ByteArray, Group, ShortScalar};
use crate::error::DecodeError;

/// The group ffdhe2048: elements and scalars are 256 bytes, short scalars 256 bits.
pub type Ffdhe2048 = Ffdhe<Prime2048, { U2048::LIMBS }>;

/// The group ffdhe3072: elements and scalars are 384 bytes, short scalars 288 bits.
pub type Ffdhe3072 = Ffdhe<Prime3072, { U3072::LIMBS }>;

/// The squares modulo the safe prime `F::P`, see [`Ffdhe2048`] and [`Ffdhe3072`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ffdhe<F, const LIMBS: usize>(PhantomData<F>);

/// What one group of this family differs in from another.
pub trait SafePrime<const LIMBS: usize>:
    Copy + Debug + Default + Eq + Send + Sync + 'static
{
    /// The safe prime `p`. It is 7 modulo 8, so that 2 is a square. Encodings are as long as its
    /// limbs; the primes of RFC 7919 fill theirs to the last bit, and no code here relies on it.
    const P: Odd<Uint<LIMBS>>;
    /// Length of short scalars in bits: at least twice the security level of the group.
    const SHORT_BITS: u32;
    /// As many bytes as the limbs of `p` have.
    type Bytes: ByteArray;
    /// Sixteen bytes more.
    type WideBytes: ByteArray;
}

/// A square modulo `p`, never zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<F: SafePrime<LIMBS>, const LIMBS: usize>(ConstMontyForm<ModP<F>, LIMBS>);

/// An integer modulo `q = (p − 1)/2`.
#[derive(Clone, Copy)]
pub struct Scalar<F: SafePrime<LIMBS>, const LIMBS: usize>(ConstMontyForm<ModQ<F>, LIMBS>);

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Group for Ffdhe<F, LIMBS> {
    type Element = Element<F, LIMBS>;
    type Scalar = Scalar<F, LIMBS>;
    type ElementBytes = F::Bytes;
    type ScalarBytes = F::Bytes;
    type WideBytes = F::WideBytes;

    fn identity() -> Self::Element {
        Element(ConstMontyForm::ONE)
    }

    fn generator() -> Self::Element {
        Element::GENERATOR
    }

    fn mul(element: &Self::Element, scalar: &Self::Scalar) -> Self::Element {
        element.power(scalar.to_uint().as_uint_ref(), Uint::<LIMBS>::BITS)
    }

    fn mul_base(scalar: &Self::Scalar) -> Self::Element {
        Self::mul(&Element::GENERATOR, scalar)
    }

    fn mul_short(element: &Self::Element, scalar: &ShortScalar<Self>) -> Self::Element {
        let scalar = Zeroizing::new(scalar.widen());
        element.power(scalar.to_uint().as_uint_ref(), F::SHORT_BITS)
    }

    fn mul_base_short(scalar: &ShortScalar<Self>) -> Self::Element {
        Self::mul_short(&Element::GENERATOR, scalar)
    }

    /// `|m|` times `G` or `−G`, chosen without a branch.
    fn mul_base_i64(value: i64) -> Self::Element {
        let negative = Choice::from(u8::from(value < 0));
        let (plus, minus) = (Element::GENERATOR.0, Element::MINUS_GENERATOR.0);
        let base = Element(ConstMontyForm::conditional_select(&plus, &minus, negative));
        let magnitude = Zeroizing::new(U64::from_u64(value.unsigned_abs()));
        base.power(magnitude.as_uint_ref(), U64::BITS)
    }

    fn encode(element: &Self::Element) -> F::Bytes {
        to_bytes(&element.0.retrieve())
    }

    fn decode(bytes: &[u8]) -> Result<Self::Element, DecodeError> {
        let residue = canonical(bytes, &F::P)?;
        match residue.jacobi_symbol_vartime(&F::P) {
            JacobiSymbol::One => Ok(Element(ConstMontyForm::new(&residue))),
            JacobiSymbol::MinusOne => Err(DecodeError::NotInSubgroup),
            // Only zero has a divisor in common with a prime.
            JacobiSymbol::Zero => Err(DecodeError::NonCanonical),
        }
    }

    fn encode_scalar(scalar: &Self::Scalar) -> F::Bytes {
        to_bytes(&scalar.to_uint())
    }

    fn decode_scalar(bytes: &[u8]) -> Result<Self::Scalar, DecodeError> {
        let integer = Zeroizing::new(canonical(bytes, ModQ::<F>::PARAMS.modulus())?);
        Ok(Scalar(ConstMontyForm::new(&integer)))
    }

    fn scalar_from_i64(value: i64) -> Self::Scalar {
        let magnitude = Uint::from_u64(value.unsigned_abs());
        let magnitude: ConstMontyForm<ModQ<F>, LIMBS> = ConstMontyForm::new(&magnitude);
        let negative = Choice::from(u8::from(value < 0));
        Scalar(ConstMontyForm::conditional_select(
            &magnitude,
            &-magnitude,
            negative,
        ))
    }

    /// `high·2^b + low` modulo `q`, with `b` the bits of the limbs.
    fn reduce(wide: &F::WideBytes) -> Self::Scalar {
        let wide = wide.as_ref();
        let high = wide
            .get(..wide.len().saturating_sub(F::Bytes::LEN))
            .unwrap_or_default();
        let high = Scalar::from_low_bits(high, Uint::<LIMBS>::BITS);
        let low = Scalar::from_low_bits(wide, Uint::<LIMBS>::BITS);
        high * Scalar::TWO_POW_BITS + low
    }

    /// The last bytes of `wide`, which are uniform already.
    fn reduce_short(wide: &F::WideBytes) -> ShortScalar<Self> {
        ShortScalar::new_unchecked(Scalar::from_low_bits(wide.as_ref(), F::SHORT_BITS))
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Element<F, LIMBS> {
    const GENERATOR: Self = Self(ConstMontyForm::new(&Uint::from_u8(2)));
    /// `1/2` modulo `p`.
    const MINUS_GENERATOR: Self = Self(ConstMontyForm::ONE.div_by_2());

    /// This element `exponent` times, which has `bits` bits at most. Only `bits` shows in the time.
    ///
    /// Fixed windows of three bits: with the table for four, which crypto-bigint makes, 3072 bits
    /// would not fit the memory of a token; the product takes 3 % longer.
    #[inline(never)]
    fn power(&self, exponent: &UintRef, bits: u32) -> Self {
        const WINDOW: u32 = 3;
        // The powers 1 to 7; the power 0 is one.
        let mut powers = [self.0; (1 << WINDOW) - 1];
        let mut result = self.0;
        for power in powers.iter_mut().skip(1) {
            result *= &self.0;
            *power = result;
        }
        result = ConstMontyForm::ONE;
        for window in (0..bits.div_ceil(WINDOW)).rev() {
            let mut digit = 0;
            for bit in (WINDOW * window..WINDOW * (window + 1)).rev() {
                result = result.square();
                digit = 2 * digit + u32::from(exponent.bit_vartime(bit));
            }
            let mut power = ConstMontyForm::ONE;
            for (other, i) in powers.iter().zip(1..) {
                power.conditional_assign(other, digit.ct_eq(&i));
            }
            result *= &power;
        }
        Self(result)
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Scalar<F, LIMBS> {
    /// `2^b`, the Montgomery radix: in Montgomery form that is its square.
    const TWO_POW_BITS: Self = Self(ConstMontyForm::from_montgomery(*ModQ::<F>::PARAMS.r2()));

    fn to_uint(self) -> Zeroizing<Uint<LIMBS>> {
        Zeroizing::new(self.0.retrieve())
    }

    /// The last `bits` bits of a big-endian integer, reduced.
    fn from_low_bits(bytes: &[u8], bits: u32) -> Self {
        let integer = Zeroizing::new(Uint::from_be_slice_truncated(bytes, bits));
        Self(ConstMontyForm::new(&integer))
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Debug for Element<F, LIMBS> {
    /// The last eight bytes: enough to tell elements apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let low: U64 = self.0.retrieve().resize();
        write!(f, "Element(…{low:x})")
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> ConstantTimeEq for Element<F, LIMBS> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Add for Element<F, LIMBS> {
    type Output = Self;
    #[expect(
        clippy::suspicious_arithmetic_impl,
        reason = "the group is written additively"
    )]
    fn add(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Sub for Element<F, LIMBS> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Neg for Element<F, LIMBS> {
    type Output = Self;
    fn neg(self) -> Self {
        // An element is never zero and `p` is prime, so the inverse is always there.
        Self(self.0.invert().unwrap_or(ConstMontyForm::ONE))
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> ConstantTimeEq for Scalar<F, LIMBS> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Zeroize for Scalar<F, LIMBS> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Add for Scalar<F, LIMBS> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Sub for Scalar<F, LIMBS> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Mul for Scalar<F, LIMBS> {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

impl<F: SafePrime<LIMBS>, const LIMBS: usize> Neg for Scalar<F, LIMBS> {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

/// A big-endian integer of the full length and below `modulus`.
fn canonical<const LIMBS: usize>(
    bytes: &[u8],
    modulus: &Odd<Uint<LIMBS>>,
) -> Result<Uint<LIMBS>, DecodeError> {
    if bytes.len() != size_of::<Uint<LIMBS>>() {
        return Err(DecodeError::Length);
    }
    let integer = Uint::from_be_slice_truncated(bytes, Uint::<LIMBS>::BITS);
    if integer >= *modulus.as_ref() {
        return Err(DecodeError::NonCanonical);
    }
    Ok(integer)
}

fn to_bytes<B: ByteArray, const LIMBS: usize>(integer: &Uint<LIMBS>) -> B {
    const { assert!(B::LEN == size_of::<Uint<LIMBS>>()) };
    let mut bytes = B::zeroed();
    let encoded = Zeroizing::new(integer.to_be_bytes());
    bytes.as_mut().copy_from_slice(encoded.as_ref().as_ref());
    bytes
}

/// Arithmetic modulo the prime itself, for elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ModP<F>(PhantomData<F>);

impl<F: SafePrime<LIMBS>, const LIMBS: usize> ConstMontyParams<LIMBS> for ModP<F> {
    const LIMBS: usize = LIMBS;
    const PARAMS: FixedMontyParams<LIMBS> = FixedMontyParams::new_vartime(F::P);
}

/// Arithmetic modulo the order of the group, for scalars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ModQ<F>(PhantomData<F>);

impl<F: SafePrime<LIMBS>, const LIMBS: usize> ConstMontyParams<LIMBS> for ModQ<F> {
    const LIMBS: usize = LIMBS;
    const PARAMS: FixedMontyParams<LIMBS> = {
        let half = F::P.as_ref().shr_vartime(1);
        FixedMontyParams::new_vartime(half.to_odd().expect_copied("p is 3 modulo 4"))
    };
}

/// The prime of ffdhe2048, RFC 7919 appendix A.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prime2048;

impl SafePrime<{ U2048::LIMBS }> for Prime2048 {
    const P: Odd<U2048> = Odd::<U2048>::from_be_hex(
        "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695\
         A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617A\
         D3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935\
         984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797A\
         BC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4\
         AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61\
         9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005\
         C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF",
    );
    const SHORT_BITS: u32 = 256;
    type Bytes = [u8; 256];
    type WideBytes = [u8; 272];
}

/// The prime of ffdhe3072, RFC 7919 appendix A.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prime3072;

impl SafePrime<{ U3072::LIMBS }> for Prime3072 {
    const P: Odd<U3072> = Odd::<U3072>::from_be_hex(
        "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695\
         A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617A\
         D3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935\
         984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797A\
         BC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4\
         AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61\
         9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005\
         C58EF1837D1683B2C6F34A26C1B2EFFA886B4238611FCFDCDE355B3B6519035B\
         BC34F4DEF99C023861B46FC9D6E6C9077AD91D2691F7F7EE598CB0FAC186D91C\
         AEFE130985139270B4130C93BC437944F4FD4452E2D74DD364F2E21E71F54BFF\
         5CAE82AB9C9DF69EE86D2BC522363A0DABC521979B0DEADA1DBF9A42D5C4484E\
         0ABCD06BFA53DDEF3C1B20EE3FD59D7C25E41D2B66C62E37FFFFFFFFFFFFFFFF",
    );
    const SHORT_BITS: u32 = 288;
    type Bytes = [u8; 384];
    type WideBytes = [u8; 400];
}
