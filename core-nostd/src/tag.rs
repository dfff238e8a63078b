//! Authenticated sums: linearly homomorphic tags whose masks telescope along a chain.
//!
//! ```text
//! f(w, s)     = PRF(mask;         suite, book, writer w, position s)
//! g(w, a, s)  = PRF(mask-account; suite, book, writer w, account a, position s or none)
//!
//! tag         = αc1  + βc2  + (f(w, s+1) − f(w, s))·G
//! account_tag = α'c1 + β'c2 + (g(w, a, s) − g(w, a, prev))·G
//! ```
//!
//! `α, β` belong to the book, `α', β'` to one account of it. A server adds tags as it adds
//! ciphertexts. Over the entries `from … to − 1` of a chain the masks add up to `f(w, to) − f(w,
//! from)`, so a sum is verified in constant work, and only the sum of exactly those entries
//! verifies. (Homomorphic MACs: Agrawal and Boneh 2009; linearly homomorphic signatures: Libert et
//! al. 2013; telescoping masks: TimeCrypt 2020.)

use core::ops::{Add, Sub};

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{
    ciphersuite::{Ciphersuite, Element, Scalar},
    ciphertext::Ciphertext,
    error::{ClaimRefused, DecodeError},
    group::Group,
    hash::{Part, Prf, PrfKey, equal, prf_array, prf_scalar},
    ids::{BookId, Handle, WriterId},
    keys::SharedKeys,
};

/// A sum of ciphertexts and the sum of their tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaggedSum<S: Ciphersuite> {
    /// `Σ(c1, c2)`.
    pub ciphertext: Ciphertext<S>,
    /// `Σtag` for a total, `Σaccount_tag` for a balance.
    pub tag: Element<S>,
}

impl<S: Ciphersuite> TaggedSum<S> {
    /// The sum of nothing.
    #[must_use]
    pub fn zero() -> Self {
        Self {
            ciphertext: Ciphertext::zero(),
            tag: S::Group::identity(),
        }
    }

    /// Decodes three canonical encodings; none of them may be the identity.
    ///
    /// # Errors
    /// Those of [`Group::decode_non_identity`].
    pub fn from_bytes(c1: &[u8], c2: &[u8], tag: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            ciphertext: Ciphertext {
                c1: S::Group::decode_non_identity(c1)?,
                c2: S::Group::decode_non_identity(c2)?,
            },
            tag: S::Group::decode_non_identity(tag)?,
        })
    }
}

impl<S: Ciphersuite> Add for TaggedSum<S> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            ciphertext: self.ciphertext + other.ciphertext,
            tag: self.tag + other.tag,
        }
    }
}

impl<S: Ciphersuite> Sub for TaggedSum<S> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            ciphertext: self.ciphertext - other.ciphertext,
            tag: self.tag - other.tag,
        }
    }
}

/// A position at which a writer has cut its chain, with the proof that it did. Position 0, the
/// start of every chain, is a cut of its own and needs no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
pub struct Cut {
    /// The cut lies before the entry at this position.
    pub position: u64,
    /// The writer's MAC; ignored at position 0.
    pub mac: [u8; 16],
}

impl Cut {
    /// The start of a chain.
    pub const START: Self = Self {
        position: 0,
        mac: [0; 16],
    };
}

/// The part of one writer's chain that a total covers: the entries `from … to − 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
pub struct Range {
    /// The writer.
    pub writer: WriterId,
    /// The cut before the first entry.
    pub from: Cut,
    /// The cut after the last entry.
    pub to: Cut,
}

/// The last position of an account in one writer's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize))]
pub struct LastPosition {
    /// The writer.
    pub writer: WriterId,
    /// The position, or none if the account has no entry there.
    pub seq: Option<u64>,
}

/// The pair `α, β` of a book or `α', β'` of an account. Wiped when dropped.
pub(crate) struct TagKeys<S: Ciphersuite> {
    pub(crate) alpha: Zeroizing<Scalar<S>>,
    pub(crate) beta: Zeroizing<Scalar<S>>,
}

impl<S: Ciphersuite> TagKeys<S> {
    /// Whether `tag == α·c1 + β·c2 + mask·G`. Constant-time multiplications only: the points come
    /// from an attacker and the scalars live long.
    fn verifies(&self, sum: &TaggedSum<S>, mask: &Scalar<S>) -> Choice {
        let expected = S::Group::mul(&sum.ciphertext.c1, &self.alpha)
            + S::Group::mul(&sum.ciphertext.c2, &self.beta)
            + S::Group::mul_base(mask);
        expected.ct_eq(&sum.tag)
    }
}

fn suite_part<S: Ciphersuite>() -> Part<'static> {
    Part::U64(u64::from(S::ID as u8))
}

impl SharedKeys {
    pub(crate) fn book_tag_keys<S: Ciphersuite>(&self, book: &BookId) -> TagKeys<S> {
        let scope = [suite_part::<S>(), Part::Bytes(&book.0)];
        TagKeys {
            alpha: prf_scalar::<S>(&self.alpha, &scope),
            beta: prf_scalar::<S>(&self.beta, &scope),
        }
    }

    pub(crate) fn account_tag_keys<S: Ciphersuite>(
        &self,
        book: &BookId,
        account: &Handle,
    ) -> TagKeys<S> {
        let scope = [
            suite_part::<S>(),
            Part::Bytes(&book.0),
            Part::Bytes(&account.0),
        ];
        TagKeys {
            alpha: prf_scalar::<S>(&self.alpha_account, &scope),
            beta: prf_scalar::<S>(&self.beta_account, &scope),
        }
    }

    /// `f(w, b, to) − f(w, b, from)`.
    pub(crate) fn mask_step<S: Ciphersuite>(
        &self,
        book: &BookId,
        writer: &WriterId,
        [from, to]: [u64; 2],
    ) -> Zeroizing<Scalar<S>> {
        step::<S, _, _>(&self.mask, [from, to], |position| {
            [
                suite_part::<S>(),
                Part::Bytes(&book.0),
                Part::Bytes(&writer.0),
                Part::U64(position),
            ]
        })
    }

    /// `g(w, b, a, to) − g(w, b, a, from)`.
    pub(crate) fn account_mask_step<S: Ciphersuite>(
        &self,
        book: &BookId,
        writer: &WriterId,
        account: &Handle,
        [from, to]: [Option<u64>; 2],
    ) -> Zeroizing<Scalar<S>> {
        step::<S, _, _>(&self.mask_account, [from, to], |position| {
            [
                suite_part::<S>(),
                Part::Bytes(&book.0),
                Part::Bytes(&writer.0),
                Part::Bytes(&account.0),
                position.into(),
            ]
        })
    }

    /// The cut of `writer`'s chain at `position`, which the writer's token gives out only when the
    /// book's rules allow it.
    #[must_use]
    pub fn cut<S: Ciphersuite>(&self, book: &BookId, writer: &WriterId, position: u64) -> Cut {
        let parts = [
            suite_part::<S>(),
            Part::Bytes(&book.0),
            Part::Bytes(&writer.0),
            Part::U64(position),
        ];
        Cut {
            position,
            mac: prf_array(&self.cut, &parts),
        }
    }

    /// Whether a cut is genuine: it is the start of the chain, or its MAC fits.
    fn is_cut<S: Ciphersuite>(&self, book: &BookId, writer: &WriterId, cut: &Cut) -> Choice {
        let expected = self.cut::<S>(book, writer, cut.position);
        cut.position.ct_eq(&0) | equal(&expected.mac, &cut.mac)
    }

    /// Verifies the claim that `sum` is the sum of exactly the entries in `ranges`, and returns
    /// how many those are.
    ///
    /// `ranges` names each writer once, in strictly ascending order, with `from ≤ to` and genuine
    /// cuts at both ends; at least one entry in all. Then
    /// `Σtag == αΣc1 + βΣc2 + Σ_w (f(w, to_w) − f(w, from_w))·G`.
    ///
    /// # Errors
    /// [`ClaimRefused`], always after the same work for the same number of ranges.
    pub fn verify_total<S: Ciphersuite>(
        &self,
        book: &BookId,
        ranges: &[Range],
        sum: &TaggedSum<S>,
    ) -> Result<u64, ClaimRefused> {
        let mut valid = Choice::from(u8::from(ascending(ranges.iter().map(|r| &r.writer))));
        let mut mask = Zeroizing::new(S::Group::scalar_from_i64(0));
        let mut count = Some(0_u64);
        for Range { writer, from, to } in ranges {
            valid &= self.is_cut::<S>(book, writer, from);
            valid &= self.is_cut::<S>(book, writer, to);
            let ends = [from.position, to.position];
            *mask = *mask + *self.mask_step::<S>(book, writer, ends);
            let entries = to.position.checked_sub(from.position);
            count = count
                .zip(entries)
                .and_then(|(sum, entries)| sum.checked_add(entries));
        }
        let count = count.unwrap_or(0);
        valid &= !count.ct_eq(&0);
        valid &= self.book_tag_keys::<S>(book).verifies(sum, &mask);
        if bool::from(valid) {
            Ok(count)
        } else {
            Err(ClaimRefused)
        }
    }

    /// Verifies the claim that `sum` is the sum of an account's whole history up to the position
    /// `last` names for each writer, in strictly ascending order, at least one of them not none:
    /// `Σaccount_tag == α'Σc1 + β'Σc2 + Σ_w (g(w, a, last_w) − g(w, a, none))·G`.
    ///
    /// # Errors
    /// [`ClaimRefused`], always after the same work for the same number of writers.
    pub fn verify_balance<S: Ciphersuite>(
        &self,
        book: &BookId,
        account: &Handle,
        last: &[LastPosition],
        sum: &TaggedSum<S>,
    ) -> Result<(), ClaimRefused> {
        let mut valid = Choice::from(u8::from(ascending(last.iter().map(|l| &l.writer))));
        valid &= Choice::from(u8::from(last.iter().any(|l| l.seq.is_some())));
        let mut mask = Zeroizing::new(S::Group::scalar_from_i64(0));
        for LastPosition { writer, seq } in last {
            *mask = *mask + *self.account_mask_step::<S>(book, writer, account, [None, *seq]);
        }
        valid &= self
            .account_tag_keys::<S>(book, account)
            .verifies(sum, &mask);
        if bool::from(valid) {
            Ok(())
        } else {
            Err(ClaimRefused)
        }
    }
}

/// `PRF(to) − PRF(from)`, as scalars.
fn step<'a, S: Ciphersuite, T, const N: usize>(
    key: &PrfKey,
    [from, to]: [T; 2],
    parts: impl Fn(T) -> [Part<'a>; N],
) -> Zeroizing<Scalar<S>> {
    let prf = Prf::new(key);
    let (from, to) = (prf.scalar::<S>(&parts(from)), prf.scalar::<S>(&parts(to)));
    Zeroizing::new(*to - *from)
}

/// Whether writers are strictly ascending, hence each named once. They are public.
pub(crate) fn ascending<'a>(writers: impl Iterator<Item = &'a WriterId>) -> bool {
    writers.is_sorted_by(|one, next| one < next)
}
