//! Ciphersuites: a group together with its identifier and its hash to scalars.

use core::fmt;

use crate::{
    group::{
        Group,
        ffdhe::{Ffdhe2048, Ffdhe3072},
        ristretto255::Ristretto255,
    },
    hash::{self, Pieces},
};

/// The element type of a suite.
pub type Element<S> = <<S as Ciphersuite>::Group as Group>::Element;
/// The scalar type of a suite.
pub type Scalar<S> = <<S as Ciphersuite>::Group as Group>::Scalar;
/// The encoding of an element of a suite.
pub type ElementBytes<S> = <<S as Ciphersuite>::Group as Group>::ElementBytes;
/// The encoding of a scalar of a suite.
pub type ScalarBytes<S> = <<S as Ciphersuite>::Group as Group>::ScalarBytes;
/// Uniform bytes that reduce to a scalar of a suite without bias.
pub type WideBytes<S> = <<S as Ciphersuite>::Group as Group>::WideBytes;

/// A group, the name it goes by in every label, and a hash to its scalars.
pub trait Ciphersuite: Copy + fmt::Debug + Eq + Send + Sync + 'static {
    /// The identifier that enters every hash, key derivation and record.
    const ID: SuiteId;
    /// The group.
    type Group: Group;

    /// `HashToScalar(msg, DST)` with `expand_message_xmd` on SHA-512 (RFC 9380 section 5.3.1):
    /// as many uniform bytes as [`Group::WideBytes`] has, reduced modulo `q`. On ristretto255
    /// this is the function of RFC 9497 section 4.1. Both arguments are given in pieces, those of
    /// the message when they are asked for: `msg` calls its argument with one after the other.
    #[inline(never)]
    fn hash_to_scalar(msg: &Pieces<'_>, dst: &[&[u8]]) -> Scalar<Self> {
        let mut wide = <WideBytes<Self> as crate::group::ByteArray>::zeroed();
        hash::expand_message_xmd(msg, dst, wide.as_mut());
        Self::Group::reduce(&wide)
    }
}

/// ristretto255 with SHA-512: the suite of everything new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ristretto255Sha512;

/// The finite-field group ffdhe2048 with SHA-512: open books and users of LightPHE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ffdhe2048Sha512;

/// The finite-field group ffdhe3072 with SHA-512.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ffdhe3072Sha512;

impl Ciphersuite for Ristretto255Sha512 {
    const ID: SuiteId = SuiteId::Ristretto255;
    type Group = Ristretto255;
}

impl Ciphersuite for Ffdhe2048Sha512 {
    const ID: SuiteId = SuiteId::Ffdhe2048;
    type Group = Ffdhe2048;
}

impl Ciphersuite for Ffdhe3072Sha512 {
    const ID: SuiteId = SuiteId::Ffdhe3072;
    type Group = Ffdhe3072;
}

/// The identifier of a suite. Numbers are never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum SuiteId {
    /// [`Ristretto255Sha512`].
    Ristretto255 = 1,
    /// [`Ffdhe2048Sha512`].
    Ffdhe2048 = 2,
    /// [`Ffdhe3072Sha512`].
    Ffdhe3072 = 3,
}

/// Something to be done in a suite that is known only at run time; see [`SuiteId::dispatch`].
pub trait SuiteVisitor {
    /// What comes out.
    type Output;
    /// Does it in suite `S`.
    fn visit<S: Ciphersuite>(self) -> Self::Output;
}

impl SuiteId {
    /// All suites.
    pub const ALL: [Self; 3] = [Self::Ristretto255, Self::Ffdhe2048, Self::Ffdhe3072];

    /// The name used on command lines and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ristretto255 => "ristretto255",
            Self::Ffdhe2048 => "ffdhe2048",
            Self::Ffdhe3072 => "ffdhe3072",
        }
    }

    /// The suite of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// The suite of that number.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| *suite as u8 == number)
    }

    /// Length of an encoded element in bytes.
    #[must_use]
    pub const fn element_len(self) -> usize {
        match self {
            Self::Ristretto255 => 32,
            Self::Ffdhe2048 => 256,
            Self::Ffdhe3072 => 384,
        }
    }

    /// Runs `visitor` in this suite: the one place where a number becomes a type.
    pub fn dispatch<V: SuiteVisitor>(self, visitor: V) -> V::Output {
        match self {
            Self::Ristretto255 => visitor.visit::<Ristretto255Sha512>(),
            Self::Ffdhe2048 => visitor.visit::<Ffdhe2048Sha512>(),
            Self::Ffdhe3072 => visitor.visit::<Ffdhe3072Sha512>(),
        }
    }
}

impl fmt::Display for SuiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
