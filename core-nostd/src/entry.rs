//! Entries: one encrypted amount with the two tags that bind it to its place.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    cap::EntryAmount,
    ciphersuite::{Ciphersuite, Element, Scalar},
    ciphertext::Ciphertext,
    group::Group,
    hash::Part,
    ids::Place,
    keys::{Hedge, Nonce, PublicKey, SecretKey, SharedKeys},
    tag::TaggedSum,
};

/// What an entry adds to the sums it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<S: Ciphersuite> {
    /// The encrypted amount.
    pub ciphertext: Ciphertext<S>,
    /// Binds it to its position in the book's chain.
    pub tag: Element<S>,
    /// Binds it to its position in the account's chain.
    pub account_tag: Element<S>,
}

impl<S: Ciphersuite> Entry<S> {
    /// What this entry adds to a total.
    #[must_use]
    pub fn total_part(&self) -> TaggedSum<S> {
        TaggedSum {
            ciphertext: self.ciphertext,
            tag: self.tag,
        }
    }

    /// What this entry adds to its account's balance.
    #[must_use]
    pub fn balance_part(&self) -> TaggedSum<S> {
        TaggedSum {
            ciphertext: self.ciphertext,
            tag: self.account_tag,
        }
    }
}

impl<S: Ciphersuite> Nonce<S> {
    /// The nonce of an entry: `PRF(hedge; purpose, suite, 32 random bytes; writer, book, seq,
    /// account, prev, m)`.
    pub fn for_entry(
        hedge: &Hedge,
        rng: &mut impl CryptoRng,
        place: &Place,
        m: EntryAmount,
    ) -> Self {
        let input = [
            Part::Bytes(&place.writer.0),
            Part::Bytes(&place.book.0),
            Part::U64(place.seq),
            Part::Bytes(&place.account.0),
            place.prev.into(),
            Part::U64(m.minor().cast_unsigned()),
        ];
        Self::hedged(hedge.expose_bytes(), rng, b"entry", &input)
    }
}

impl SharedKeys {
    /// Encrypts and tags `m` with the secret key: four multiplications of the generator, the tag's
    /// exponent being `αr + β(rx + m) + f(s+1) − f(s)`. The amount has passed the book's cap.
    #[must_use]
    pub fn entry<S: Ciphersuite>(
        &self,
        key: &SecretKey<S>,
        place: &Place,
        m: EntryAmount,
        nonce: Nonce<S>,
    ) -> Entry<S> {
        let r = Zeroizing::new(nonce.short().widen());
        let e2 = Zeroizing::new(*r * *key.scalar() + S::Group::scalar_from_i64(m.minor()));
        let tag = |part: TagPart<S>| {
            let exponent = *part.alpha * *r + *part.beta * *e2 + *part.mask;
            S::Group::mul_base(&Zeroizing::new(exponent))
        };
        Entry {
            ciphertext: Ciphertext {
                c1: S::Group::mul_base_short(nonce.short()),
                c2: S::Group::mul_base(&e2),
            },
            tag: tag(self.tag_part(place)),
            account_tag: tag(self.account_tag_part(place)),
        }
    }

    /// The same entry from the public key alone, as a writer makes it: a tag is
    /// `(αr + βm + Δf)·G + (βr)·Y`.
    #[must_use]
    pub fn entry_with_public_key<S: Ciphersuite>(
        &self,
        key: &PublicKey<S>,
        place: &Place,
        m: EntryAmount,
        nonce: Nonce<S>,
    ) -> Entry<S> {
        let r = Zeroizing::new(nonce.short().widen());
        let scalar_m = Zeroizing::new(S::Group::scalar_from_i64(m.minor()));
        let tag = |part: TagPart<S>| {
            let base = *part.alpha * *r + *part.beta * *scalar_m + *part.mask;
            let blinded = Zeroizing::new(*part.beta * *r);
            S::Group::mul_base(&Zeroizing::new(base)) + S::Group::mul(key.element(), &blinded)
        };
        Entry {
            tag: tag(self.tag_part(place)),
            account_tag: tag(self.account_tag_part(place)),
            ciphertext: key.encrypt(m.minor(), nonce),
        }
    }

    fn tag_part<S: Ciphersuite>(&self, place: &Place) -> TagPart<S> {
        let keys = self.book_tag_keys::<S>(&place.book);
        // Positions end at 2^64 − 1, which no chain reaches; wrapping keeps this total.
        let ends = [place.seq, place.seq.wrapping_add(1)];
        TagPart {
            alpha: keys.alpha,
            beta: keys.beta,
            mask: self.mask_step::<S>(&place.book, &place.writer, ends),
        }
    }

    fn account_tag_part<S: Ciphersuite>(&self, place: &Place) -> TagPart<S> {
        let Place {
            book,
            writer,
            account,
            ..
        } = place;
        let keys = self.account_tag_keys::<S>(book, account);
        let ends = [place.prev, Some(place.seq)];
        TagPart {
            alpha: keys.alpha,
            beta: keys.beta,
            mask: self.account_mask_step::<S>(book, writer, account, ends),
        }
    }
}

/// The secret scalars of one tag. Wiped when dropped.
struct TagPart<S: Ciphersuite> {
    alpha: Zeroizing<Scalar<S>>,
    beta: Zeroizing<Scalar<S>>,
    mask: Zeroizing<Scalar<S>>,
}
