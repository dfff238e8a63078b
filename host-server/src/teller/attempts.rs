//! Idempotency keys: a posting that is asked for again is answered, not made again.
//!
//! Two records a posting, put once and never changed: before the token is asked, under the key, the
//! *intent* (this request posts at that position), and once the entry is in the store, under the
//! position, its *owner* (the request it was made for). An intent whose position is still free is
//! carried out now. If an entry stands there, its owner tells; if a crash came between entry and
//! owner, the token is asked whether the entry answers this very request; and if the chain has gone
//! on since, nobody knows, and the answer says that.
//!
//! What is kept in the store tells nothing: keys are hashed, and the hash of a request, which has
//! an account and an amount in it, is keyed with the client's own key. So that key must be hard to
//! guess.

use core_nostd::{
    ids::{BookId, Handle, WriterId},
    wire::{Posting, TokenError},
};
use sha2::{Digest, Sha256};
use token_client::ClientError;

use super::{Teller, link::Token};
use crate::{
    http::problem::{Kind, Result},
    ledger::{Body, Stored},
    now_ms,
    store::{Intent, Store},
};

/// A client's idempotency key.
pub struct Key(String);

impl Key {
    /// Takes a key of 16 to 128 visible ASCII characters.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_fine =
            (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        is_fine.then(|| Self(text.to_owned()))
    }

    /// The name of a record in the store.
    fn record(&self, label: &str) -> String {
        let digest = Sha256::new()
            .chain_update(b"TALLYSTICK-v1-idempotency-key")
            .chain_update(self.0.as_bytes())
            .finalize();
        format!("{label}/{}", hex::encode(digest))
    }
}

/// One posting, as asked for.
pub struct Request {
    key: Key,
    book: BookId,
    /// The account.
    pub account: Handle,
    /// The amount in minor units.
    pub minor: i64,
}

/// Which request an entry was made for, under the name of its position.
#[derive(Clone)]
pub struct Owner {
    name: String,
    intent: Intent,
}

impl Owner {
    fn new(intent: Intent) -> Self {
        let Intent {
            book,
            writer,
            expected_seq: seq,
            ..
        } = intent;
        Self {
            name: format!("owner/{book}/{writer}/{seq}"),
            intent,
        }
    }
}

/// `request` of the owner of an entry of which nobody knows what it was made for.
const UNKNOWN: [u8; 32] = [0; 32];

/// What to do about a request.
pub enum Begun {
    /// Post it, at the position that was asked about.
    Fresh,
    /// It was posted before, here.
    Done(WriterId, u64),
}

impl Request {
    /// A posting of `minor` units to `account`.
    pub fn new(key: Key, book: BookId, account: Handle, minor: i64) -> Self {
        Self {
            key,
            book,
            account,
            minor,
        }
    }

    /// `SHA-256(label, key, book, account, amount)`: all but the key is of fixed length.
    fn hash(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"TALLYSTICK-v1-posting")
            .chain_update(self.book.0)
            .chain_update(self.account.0)
            .chain_update(self.minor.to_be_bytes())
            .chain_update(self.key.0.as_bytes())
            .finalize()
            .into()
    }

    fn intent(&self, writer: WriterId, seq: u64) -> Intent {
        Intent {
            book: self.book,
            writer,
            expected_seq: seq,
            request: self.hash(),
            begun_ms: now_ms(),
        }
    }

    /// This request as the owner of the entry at `seq`.
    pub fn owner(&self, writer: WriterId, seq: u64) -> Owner {
        Owner::new(self.intent(writer, seq))
    }
}

impl<S: Store> Teller<S> {
    /// Begins a posting at `next_seq`, where `writer`'s settled chain ends, unless it was begun
    /// before.
    pub(super) async fn begin(
        &self,
        token: &mut Token,
        request: &Request,
        writer: WriterId,
        next_seq: u64,
    ) -> Result<Begun> {
        let intent = request.intent(writer, next_seq);
        let begun = self
            .store
            .begin(&request.key.record("intent"), &intent)
            .await?;
        if begun.request != intent.request {
            return Err(Kind::KeyReused.detail("take a fresh key for every posting"));
        }
        if (begun.writer, begun.expected_seq) == (writer, next_seq) {
            return Ok(Begun::Fresh);
        }
        let failed = Kind::PostingFailed
            .detail("nothing was posted under this key: post again with a fresh one");
        let found = self.find_owner(token, request, &begun, writer, next_seq);
        let Some(found) = found.await? else {
            return Err(failed);
        };
        let found = Intent {
            request: found,
            ..begun
        };
        // What was recorded at the time is the truth; what was found out now is kept otherwise.
        let owner = self.record(&Owner::new(found)).await?;
        let (writer, seq) = (begun.writer, begun.expected_seq);
        if owner == begun.request {
            Ok(Begun::Done(writer, seq))
        } else if owner == UNKNOWN {
            Err(Kind::PostingUnknown.detail(format!(
                "the server was stopped while it posted, and the chain has gone on since: see \
                 whether the entry at position {seq} of writer {writer} is this one"
            )))
        } else {
            Err(failed)
        }
    }

    /// Records whose an entry is, unless that is recorded; gives back what is.
    pub(super) async fn record(&self, owner: &Owner) -> Result<[u8; 32]> {
        Ok(self.store.begin(&owner.name, &owner.intent).await?.request)
    }

    /// Whose the entry at the position of an earlier attempt is if that is not recorded; `None` if
    /// surely not this request's.
    async fn find_owner(
        &self,
        token: &mut Token,
        request: &Request,
        begun: &Intent,
        writer: WriterId,
        next_seq: u64,
    ) -> Result<Option<[u8; 32]>> {
        let Intent {
            book,
            expected_seq: seq,
            ..
        } = *begun;
        let found = self.store.entries(&book, &begun.writer, seq, 1).await?;
        let Some(entry) = found.first().filter(|entry| entry.seq == seq) else {
            return Ok(Some(UNKNOWN));
        };
        if entry.account() != Some(&request.account) {
            return Ok(None);
        }
        if (begun.writer, seq.checked_add(1)) != (writer, Some(next_seq)) {
            return Ok(Some(UNKNOWN));
        }
        // The token knows the request that its last answer was for.
        let posting = Posting {
            account: request.account,
            prev: prev(entry),
            minor: request.minor,
        };
        match token
            .try_call(move |client| client.post(book, seq, posting))
            .await
        {
            Ok(_) => Ok(Some(begun.request)),
            Err(ClientError::Token(TokenError::WrongSeq { .. })) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn prev(entry: &Stored) -> Option<u64> {
    match entry.body {
        Body::Authenticated { prev, .. } => prev,
        Body::Open { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: &str, account: u8, minor: i64) -> Request {
        let key = Key::new(key).expect("long enough");
        Request::new(key, BookId([1; 32]), Handle([account; 32]), minor)
    }

    #[test]
    fn keys_are_long_and_visible() {
        let text = "0123456789abcdef";
        assert!(Key::new(text).is_some());
        for bad in [
            &text[1..],
            "0123456789 abcdef",
            "0123456789abcdé",
            &"x".repeat(129),
        ] {
            assert!(Key::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn requests_differ_by_key_account_and_amount() {
        let one = request("0123456789abcdef", 1, 5);
        assert_eq!(one.hash(), request("0123456789abcdef", 1, 5).hash());
        for other in [
            request("0123456789abcdeg", 1, 5),
            request("0123456789abcdef", 2, 5),
            request("0123456789abcdef", 1, -5),
        ] {
            assert_ne!(one.hash(), other.hash());
        }
    }

    #[test]
    fn names_of_records_do_not_show_the_key() {
        let one = request("0123456789abcdef", 1, 5);
        assert_ne!(one.key.record("intent"), one.key.record("fate"));
        assert!(!one.key.record("intent").contains("0123456789abcdef"));
    }
}
