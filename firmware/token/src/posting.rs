//! The chain of a book: entries are signed, numbered and cut here.
//!
//! A posting is computed, written with the new position in one record, and only then answered. The
//! record holds the whole answer, so a lost one is sent again byte for byte, and neither a power
//! cut nor a repeated request makes a second entry of the same position.
//!
//! A chain ends when the token takes another writer identifier. Then its record is of an earlier
//! generation than the identity, and counts as that of a chain without entries.

use core_nostd::{
    book::BookKind,
    cap::EntryAmount,
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    entry::Entry,
    group::Group,
    ids::{BookId, Handle, Place},
    keys::{Nonce, PublicKey, SecretKey, SharedKeys},
    seal::prf,
    wire::{BATCH_LEN_MAX, Posting, Response, SignedEntry, TokenError},
};
use heapless::Vec;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::{
    books::Book,
    engine::Engine,
    limits::Limits,
    platform::Platform,
    storage::Key,
    vault::{Identity, Secrets},
};

/// The suite of authenticated books.
type S = Ristretto255Sha512;

/// What is known of a chain. In the store the entries of the last reply follow it or, in an open
/// book, which has none, a key that was made elsewhere ([`crate::foreign_keys`]).
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct ChainHead {
    /// Position of the next entry.
    pub(crate) next_seq: u64,
    /// Position of the last cut.
    pub(crate) last_cut: u64,
    /// Number of entries in the last reply, which end before `next_seq`.
    replied: u8,
    /// Keyed hash of the request it answered.
    request: RequestMac,
    /// Position of the cut it brought.
    cut: Option<u64>,
    /// Generation of the identity whose chain it is.
    generation: u32,
}

impl ChainHead {
    /// A chain without entries.
    pub(crate) fn new(identity: &Identity) -> Self {
        Self {
            generation: identity.generation,
            ..Self::default()
        }
    }

    /// Position of the first entry of the last reply.
    fn first_seq(&self) -> u64 {
        self.next_seq.saturating_sub(u64::from(self.replied))
    }
}

/// A posting recognised again without being kept: a keyed hash of its message.
pub(crate) type RequestMac = [u8; 16];

/// A request to post. Its postings are wiped when it is dropped.
pub(crate) struct PostRequest<'a> {
    book: BookId,
    expected_seq: u64,
    postings: &'a mut [Posting],
    mac: RequestMac,
}

impl<'a> PostRequest<'a> {
    pub(crate) fn new(
        book: BookId,
        expected_seq: u64,
        postings: &'a mut [Posting],
        mac: RequestMac,
    ) -> Self {
        Self {
            book,
            expected_seq,
            postings,
            mac,
        }
    }
}

impl Drop for PostRequest<'_> {
    fn drop(&mut self) {
        self.postings.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl<P: Platform> Engine<P> {
    /// The keyed hash of a message.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::unlocked`].
    #[inline(never)]
    pub(crate) fn request_mac(&self, message: &[u8]) -> Result<RequestMac, TokenError> {
        let (_, secrets) = self.vault.unlocked()?;
        let mut mac = RequestMac::default();
        prf(&secrets.store_key, &[b"request", message], &mut mac);
        Ok(mac)
    }

    /// Signs entries, all or none.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], [`TokenError::WrongKind`], [`TokenError::BadBatch`],
    /// [`TokenError::OverCap`], [`TokenError::BadPrev`], [`TokenError::WrongSeq`], those of entropy
    /// and storage.
    #[inline(never)]
    pub(crate) fn post<'b>(
        &mut self,
        request: &PostRequest<'_>,
        body: &'b mut [u8],
        work: &mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let book = self.find(&request.book, body)?;
        book.must_be(BookKind::Authenticated)?;
        let mut links = Links::new();
        check::<P>(&book, request, &mut links)?;
        let (place, granted) = (book.place, book.granted);
        let min_entries = u64::from(book.rules.min_entries);

        let (head, _) = self.chain(place, body)?;
        if request.expected_seq != head.next_seq {
            let asked_again = request.expected_seq == head.first_seq()
                && head.replied > 0
                && request.mac == head.request;
            return if asked_again {
                self.last_reply(place, &request.book, body)
            } else {
                let next = head.next_seq;
                Err(TokenError::WrongSeq { next })
            };
        }

        let len = self.sign(request, &links, granted, body)?;
        let count = links.len() as u64;
        let next_seq = head.next_seq.saturating_add(count);
        let cut = due_cut(head.last_cut, next_seq, min_entries);
        let head = ChainHead {
            next_seq,
            last_cut: cut.unwrap_or(head.last_cut),
            replied: u8::try_from(count).unwrap_or(u8::MAX),
            request: request.mac,
            cut,
            generation: head.generation,
        };
        let entries = body.get(..len).ok_or(TokenError::StorageFailed)?;
        self.write_chain(place, &head, entries, work)?;
        let (identity, secrets) = self.vault.unlocked()?;
        Ok(posted(identity, secrets, &request.book, &head, entries))
    }

    /// The answer to the last posting in a book, byte for byte.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], [`TokenError::WrongKind`], [`TokenError::NothingStored`], those
    /// of storage.
    #[inline(never)]
    pub(crate) fn last_entry<'b>(
        &mut self,
        book: &BookId,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let found = self.find(book, body)?;
        found.must_be(BookKind::Authenticated)?;
        let place = found.place;
        self.last_reply(place, book, body)
    }

    /// Cuts the chain behind its last entry; at a cut, gives that one out again.
    ///
    /// # Errors
    /// [`TokenError::UnknownBook`], [`TokenError::WrongKind`], [`TokenError::TooFewEntries`], those
    /// of storage.
    #[inline(never)]
    pub(crate) fn cut<'b>(
        &mut self,
        book: &BookId,
        body: &'b mut [u8],
        work: &mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let found = self.find(book, body)?;
        found.must_be(BookKind::Authenticated)?;
        let (place, min_entries) = (found.place, found.rules.min_entries);

        let (mut head, entries) = self.chain(place, body)?;
        let pending = head.next_seq.saturating_sub(head.last_cut);
        let missing = u64::from(min_entries).saturating_sub(pending);
        let again = pending == 0 && head.last_cut > 0;
        if missing > 0 && !again {
            let missing = u32::try_from(missing).unwrap_or(u32::MAX);
            return Err(TokenError::TooFewEntries { missing });
        }
        if !again {
            head.last_cut = head.next_seq;
            self.write_chain(place, &head, entries, work)?;
        }
        let (identity, secrets) = self.vault.unlocked()?;
        let cut = secrets
            .shared
            .cut::<S>(book, &identity.writer, head.last_cut);
        Ok(Response::Cut {
            writer: identity.writer,
            cut,
        })
    }

    /// The chain at this place and what follows it in its record. Of an earlier generation only
    /// what follows is left; an open book has its key there.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn chain<'b>(
        &mut self,
        place: u8,
        body: &'b mut [u8],
    ) -> Result<(ChainHead, &'b [u8]), TokenError> {
        let (identity, secrets) = self.vault.unlocked()?;
        let record = self
            .storage
            .get_authentic(&secrets.store_key, Key::Chain(place), body)?
            .ok_or(TokenError::StorageFailed)?;
        let record = postcard::take_from_bytes(record);
        let (head, rest): (ChainHead, _) = record.map_err(|_| TokenError::StorageFailed)?;
        if head.generation == identity.generation {
            Ok((head, rest))
        } else {
            Ok((ChainHead::new(identity), rest))
        }
    }

    /// Writes the chain at this place and what follows it, in one record.
    ///
    /// # Errors
    /// Those of storage.
    #[inline(never)]
    pub(crate) fn write_chain(
        &mut self,
        place: u8,
        head: &ChainHead,
        entries: &[u8],
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let mut bytes = [0; HEAD_LEN_MAX];
        let bytes = postcard::to_slice(head, &mut bytes).map_err(|_| TokenError::StorageFailed)?;
        let (_, secrets) = self.vault.unlocked()?;
        let (mac_key, key) = (&secrets.store_key, Key::Chain(place));
        self.storage
            .put_authentic(mac_key, key, &[bytes, entries], work)
    }

    fn last_reply<'b>(
        &mut self,
        place: u8,
        book: &BookId,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let (head, entries) = self.chain(place, body)?;
        if head.replied == 0 {
            return Err(TokenError::NothingStored);
        }
        let (identity, secrets) = self.vault.unlocked()?;
        Ok(posted(identity, secrets, book, &head, entries))
    }

    /// Writes the entries of a checked request to the start of `out` and returns their length.
    #[inline(never)]
    fn sign(
        &mut self,
        request: &PostRequest<'_>,
        links: &Links,
        granted: Option<[u8; 32]>,
        out: &mut [u8],
    ) -> Result<usize, TokenError> {
        let mut rng = self.rng()?;
        let (identity, secrets) = self.vault.unlocked()?;
        let key = EntryKey::new(secrets, &request.book, granted)?;
        let mut len = 0;
        for (posting, Link { seq, prev, amount }) in request.postings.iter().zip(links) {
            let place = Place {
                book: request.book,
                writer: identity.writer,
                seq: *seq,
                account: posting.account,
                prev: *prev,
            };
            let nonce = Nonce::<S>::for_entry(&secrets.hedge, &mut rng, &place, *amount);
            let entry = key.entry(&secrets.shared, &place, *amount, nonce);
            let room = out.get_mut(len..).ok_or(TokenError::BadBatch)?;
            len += write_entry(&posting.account, *prev, &entry, room)?;
        }
        Ok(len)
    }
}

/// Longest head of a chain's record, in bytes.
const HEAD_LEN_MAX: usize = 10 + 10 + 1 + 16 + 11 + 5;

/// The key of a book, as far as this token has it.
enum EntryKey {
    Treasurys(SecretKey<S>),
    Writers(PublicKey<S>),
}

impl EntryKey {
    fn new(
        secrets: &Secrets,
        book: &BookId,
        granted: Option<[u8; 32]>,
    ) -> Result<Self, TokenError> {
        Ok(match granted {
            Some(key) => {
                let key = PublicKey::from_bytes(&key);
                Self::Writers(key.map_err(|_| TokenError::StorageFailed)?)
            }
            None => Self::Treasurys(secrets.seed()?.secret_key(book)),
        })
    }

    #[inline(never)]
    fn entry(
        &self,
        shared: &SharedKeys,
        place: &Place,
        amount: EntryAmount,
        nonce: Nonce<S>,
    ) -> Entry<S> {
        match self {
            Self::Treasurys(key) => shared.entry(key, place, amount, nonce),
            Self::Writers(key) => shared.entry_with_public_key(key, place, amount, nonce),
        }
    }
}

/// What an entry of a batch is signed with. Its amount is wiped when it is dropped.
struct Link {
    seq: u64,
    /// Position of its account's previous entry.
    prev: Option<u64>,
    /// Within the cap.
    amount: EntryAmount,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.amount.zeroize();
    }
}

/// One for each entry of a batch.
type Links = Vec<Link, BATCH_LEN_MAX>;

/// Checks everything about a batch that does not depend on the chain, and links its entries: to the
/// account's previous entry in the batch or, for its first, to where the host says. That position
/// lies before the batch, because those in the batch are all accounted for.
#[inline(never)]
fn check<P: Platform>(
    book: &Book<'_>,
    request: &PostRequest<'_>,
    links: &mut Links,
) -> Result<(), TokenError> {
    let PostRequest {
        expected_seq,
        postings,
        ..
    } = request;
    if !(1..=Limits::<P>::BATCH_LEN).contains(&postings.len()) {
        return Err(TokenError::BadBatch);
    }
    for (posting, i) in postings.iter().zip(0_u64..) {
        // A position at the end of the range is never the chain's next one, and is refused later.
        let seq = expected_seq.saturating_add(i);
        let amount = book.rules.admit(posting.minor);
        let amount = amount.map_err(|_| TokenError::OverCap)?;
        let in_batch = postings.iter().zip(&*links).rev();
        let earlier = in_batch
            .filter(|(other, _)| other.account == posting.account)
            .map(|(_, link)| link.seq)
            .next();
        let prev = earlier.or(posting.prev);
        if earlier.is_none() && prev.is_some_and(|prev| prev >= *expected_seq) {
            return Err(TokenError::BadPrev);
        }
        let link = Link { seq, prev, amount };
        links.push(link).map_err(|_| TokenError::BadBatch)?;
    }
    Ok(())
}

/// Where a posting cuts the chain by itself: if `2k` entries or more are pending, behind the
/// largest multiple of `k` of them that leaves at least `k`. With single postings that is
/// `last_cut + k`. Segments have at least `k` entries, and the next cut can still be made.
fn due_cut(last_cut: u64, next_seq: u64, min_entries: u64) -> Option<u64> {
    let pending = next_seq.checked_sub(last_cut)?;
    let segments = pending.checked_div(min_entries)?.checked_sub(1)?;
    let cut = last_cut.checked_add(segments.checked_mul(min_entries)?)?;
    (segments > 0).then_some(cut)
}

fn posted<'b>(
    identity: &Identity,
    secrets: &Secrets,
    book: &BookId,
    head: &ChainHead,
    entries: &'b [u8],
) -> Response<'b> {
    let writer = identity.writer;
    let cut = |position| secrets.shared.cut::<S>(book, &writer, position);
    Response::Posted {
        writer,
        first_seq: head.first_seq(),
        cut: head.cut.map(cut),
        entries,
    }
}

fn write_entry(
    account: &Handle,
    prev: Option<u64>,
    entry: &Entry<S>,
    out: &mut [u8],
) -> Result<usize, TokenError> {
    type G = <S as Ciphersuite>::Group;
    let (c1, c2) = entry.ciphertext.to_bytes();
    let signed = SignedEntry {
        account: *account,
        prev,
        c1: &c1,
        c2: &c2,
        tag: &G::encode(&entry.tag),
        account_tag: &G::encode(&entry.account_tag),
    };
    let written = postcard::to_slice(&signed, out).map_err(|_| TokenError::BadBatch)?;
    Ok(written.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_comes_due_at_twice_k_and_leaves_k_on_both_sides() {
        for k in 1..20 {
            for last_cut in [0, 5, 1 << 40] {
                for pending in 0..100 {
                    let next = last_cut + pending;
                    match due_cut(last_cut, next, k) {
                        None => assert!(pending < 2 * k, "{last_cut} {pending} {k}"),
                        Some(cut) => {
                            assert!(pending >= 2 * k, "{last_cut} {pending} {k}");
                            assert!(cut - last_cut >= k && next - cut >= k && next - cut < 2 * k);
                        }
                    }
                }
                assert_eq!(due_cut(last_cut, last_cut + 2 * k, k), Some(last_cut + k));
            }
        }
        assert_eq!(due_cut(0, 5, 0), None, "no book has such rules");
        assert_eq!(due_cut(6, 5, 1), None, "no chain is like that");
    }
}
