//! The requests of the protocol as methods.

use std::io::{Read, Write};

use core_nostd::{
    book::BookRules,
    ids::{BookId, Handle},
    tag::{LastPosition, Range},
    wire::{Info, PerWriter, Policy, Posting, Request, Response, Rules, TokenError},
};
use zeroize::Zeroize;

use crate::{
    Address, ClientError, Deadlines, OnWaiting, OpenedAccount, OwnedBook, OwnedStatement, Port,
    Posted, WriterCut, session::Session,
};

mod audit;
mod ceremony;
mod enrolment;

pub use enrolment::{BookGrant, EnrolmentError, EnrolmentPress, enrol};

pub use audit::{AuditPage, AuditPosition, LoggedEvent};

/// A token at the other end of a byte stream.
///
/// Reads and writes of `T` should give up with `WouldBlock` or `TimedOut` after a short while
/// ([`Port`] does); deadlines are watched only between them. `Ok(0)` means unplugged.
///
/// Every method returns [`ClientError::Token`] when the token refuses and the other errors when it
/// can't be talked to; after those the next call finds its way back by itself. Whether a posting
/// without an answer was signed, [`Self::last_entry`] tells.
pub struct Client<T> {
    session: Session<T>,
}

impl Client<Port> {
    /// Opens the line to a token and says hello.
    ///
    /// # Errors
    /// [`ClientError::Connect`] if there is nothing at the address; else those of every call.
    pub fn connect(address: &Address) -> Result<Self, ClientError> {
        let port = Port::open(address).map_err(|source| ClientError::Connect {
            address: address.clone(),
            source,
        })?;
        Self::open(port, Deadlines::default())
    }
}

impl<T: Read + Write> Client<T> {
    /// Says hello over an open stream.
    ///
    /// # Errors
    /// Those of every call.
    pub fn open(stream: T, deadlines: Deadlines) -> Result<Self, ClientError> {
        let mut session = Session::new(stream, deadlines);
        session.hello()?;
        Ok(Self { session })
    }

    /// What the token said of itself at the last hello.
    #[must_use]
    pub fn info(&self) -> &Info {
        let info = self.session.info.as_ref();
        info.expect("a client begins with a hello")
    }

    /// What `f` says from now on decides, each second that the token waits for its button,
    /// whether to go on.
    pub fn on_waiting(&mut self, f: OnWaiting) {
        self.session.on_waiting = Some(f);
    }

    /// Begins a fresh session and returns what the token says of itself.
    ///
    /// # Errors
    /// Those of every call.
    pub fn hello(&mut self) -> Result<Info, ClientError> {
        self.session.hello()
    }

    /// Makes a root seed, with presence.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::AlreadyProvisioned`], [`TokenError::BadPin`].
    pub fn provision(&mut self, pin: &str, policy: Policy) -> Result<(), ClientError> {
        self.done(&Request::Provision { pin, policy })
    }

    /// Opens the sealed secrets.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::WrongPin`], [`TokenError::Blocked`].
    pub fn unlock(&mut self, pin: &str) -> Result<(), ClientError> {
        self.done(&Request::Unlock { pin })
    }

    /// Wipes the secrets from the token's memory.
    ///
    /// # Errors
    /// Those of every call.
    pub fn lock(&mut self) -> Result<(), ClientError> {
        self.done(&Request::Lock)
    }

    /// Seals the secrets under another PIN.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::WrongPin`], [`TokenError::BadPin`].
    pub fn change_pin(&mut self, old: &str, new: &str) -> Result<(), ClientError> {
        self.done(&Request::ChangePin { old, new })
    }

    /// Erases everything, with presence.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::CeremonyRequired`].
    pub fn wipe(&mut self) -> Result<(), ClientError> {
        self.done(&Request::Wipe)
    }

    /// The canonical encoding of a book's public key.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::UnknownBook`].
    pub fn public_key(&mut self, book: BookId) -> Result<Vec<u8>, ClientError> {
        self.session
            .call(&Request::PublicKey { book }, |answer| match answer {
                Response::PublicKey(bytes) => Some(bytes.to_vec()),
                _ => None,
            })
    }

    /// Adds a book.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::BookExists`], [`TokenError::TooManyBooks`],
    /// [`TokenError::BadRules`], [`TokenError::SuiteUnsupported`].
    pub fn create_book(&mut self, rules: &BookRules<'_>) -> Result<OwnedBook, ClientError> {
        let request = Request::CreateBook {
            rules: Rules::from(rules),
        };
        self.new_book(rules, &request)
    }

    /// Adds an open book whose secret key was made elsewhere, with presence. The key is this
    /// book's alone, and no backup of the token's seed brings it back.
    ///
    /// `x` is the canonical encoding of the key: as long as an element of the suite, big-endian in
    /// the finite-field suites. What was sent is wiped here; `x` is the caller's to wipe.
    ///
    /// # Errors
    /// Those of [`Self::create_book`] and of presence; [`TokenError::WrongKind`] if the book is not
    /// open, [`TokenError::BadKey`], [`TokenError::KeyInUse`]; [`TokenError::Malformed`] from a
    /// token whose firmware is too old for it.
    pub fn import_book(
        &mut self,
        rules: &BookRules<'_>,
        x: &[u8],
    ) -> Result<OwnedBook, ClientError> {
        let request = Request::ImportBook {
            rules: Rules::from(rules),
            x,
        };
        self.new_book(rules, &request)
    }

    /// The book at a place in the token's list, from 0; `None` after the last.
    ///
    /// # Errors
    /// Those of every call.
    pub fn book(&mut self, index: u8) -> Result<Option<OwnedBook>, ClientError> {
        self.session
            .call(&Request::Book { index }, |answer| match answer {
                Response::Book(info) => OwnedBook::check(&info).map(Some),
                Response::NoBook => Some(None),
                _ => None,
            })
    }

    /// All books of the token.
    ///
    /// # Errors
    /// Those of every call.
    pub fn books(&mut self) -> Result<Vec<OwnedBook>, ClientError> {
        let mut books = Vec::new();
        for index in 0..=u8::MAX {
            match self.book(index)? {
                Some(book) => books.push(book),
                None => break,
            }
        }
        Ok(books)
    }

    /// The handle of a NID in a book, and the NID sealed.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::BadNid`], [`TokenError::UnknownBook`].
    pub fn handle(&mut self, book: BookId, nid: &str) -> Result<OpenedAccount, ClientError> {
        self.session
            .call(&Request::Handle { book, nid }, |answer| match answer {
                Response::Handle { handle, sealed_nid } => Some(OpenedAccount {
                    handle,
                    sealed_nid: sealed_nid.to_vec(),
                }),
                _ => None,
            })
    }

    /// Signs one entry.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::WrongSeq`], [`TokenError::OverCap`],
    /// [`TokenError::BadPrev`].
    pub fn post(
        &mut self,
        book: BookId,
        expected_seq: u64,
        posting: Posting,
    ) -> Result<Posted, ClientError> {
        self.posted(
            &Request::Post {
                book,
                expected_seq,
                posting,
            },
            Some((expected_seq, 1)),
        )
    }

    /// Signs entries of consecutive positions, all or none; at most
    /// [`Info::batch_len_max`] of them.
    ///
    /// # Errors
    /// Those of [`Self::post`]; [`TokenError::BadBatch`] if there are too many or none.
    pub fn post_batch(
        &mut self,
        book: BookId,
        expected_seq: u64,
        batch: &[Posting],
    ) -> Result<Posted, ClientError> {
        let allowed = 1..=usize::from(self.info().batch_len_max);
        let Some(postings) = Some(batch)
            .filter(|batch| allowed.contains(&batch.len()))
            .and_then(|batch| batch.try_into().ok())
        else {
            return Err(TokenError::BadBatch.into());
        };
        let mut request = Request::PostBatch {
            book,
            expected_seq,
            postings,
        };
        let outcome = self.posted(&request, Some((expected_seq, batch.len())));
        if let Request::PostBatch { postings, .. } = &mut request {
            postings.iter_mut().for_each(Zeroize::zeroize);
        }
        outcome
    }

    /// The last answer to a posting into a book, byte for byte.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::NothingStored`].
    pub fn last_entry(&mut self, book: BookId) -> Result<Posted, ClientError> {
        self.posted(&Request::LastEntry { book }, None)
    }

    /// Cuts this token's chain in a book.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::TooFewEntries`].
    pub fn cut(&mut self, book: BookId) -> Result<WriterCut, ClientError> {
        self.session
            .call(&Request::Cut { book }, |answer| match answer {
                Response::Cut { writer, cut } => Some(WriterCut { writer, cut }),
                _ => None,
            })
    }

    /// Opens a total, with presence. `ranges` name the writers in strictly ascending order.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::ClaimRefused`], [`TokenError::NotAllowed`], and those of
    /// presence.
    pub fn release_total(
        &mut self,
        book: BookId,
        ranges: &[Range],
        [c1, c2, tag]: [&[u8]; 3],
    ) -> Result<OwnedStatement, ClientError> {
        let ranges = per_writer(ranges)?;
        self.statement(&Request::ReleaseTotal {
            book,
            ranges,
            c1,
            c2,
            tag,
        })
    }

    /// Opens one account's balance, with presence. `last` names the writers in strictly ascending
    /// order.
    ///
    /// # Errors
    /// Those of [`Self::release_total`].
    pub fn release_balance(
        &mut self,
        book: BookId,
        account: Handle,
        last: &[LastPosition],
        [c1, c2, account_tag]: [&[u8]; 3],
    ) -> Result<OwnedStatement, ClientError> {
        let last = per_writer(last)?;
        self.statement(&Request::ReleaseBalance {
            book,
            account,
            last,
            c1,
            c2,
            account_tag,
        })
    }

    /// Opens a sum of an open book, with presence. Nothing verifies what it is the sum of.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::WrongKind`], [`TokenError::NotAllowed`], and those of
    /// presence.
    pub fn release_open(
        &mut self,
        book: BookId,
        count: u64,
        [c1, c2]: [&[u8]; 2],
    ) -> Result<OwnedStatement, ClientError> {
        self.statement(&Request::ReleaseOpen {
            book,
            count,
            c1,
            c2,
        })
    }

    /// Lets the token check that the last statement, which is number `number`, is of `minor` minor
    /// units, and show it.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::WrongAmount`].
    pub fn confirm_decode(&mut self, number: u64, minor: i64) -> Result<(), ClientError> {
        self.done(&Request::ConfirmDecode { number, minor })
    }

    /// The last statement, byte for byte.
    ///
    /// # Errors
    /// Those of every call; [`TokenError::NothingStored`].
    pub fn last_statement(&mut self) -> Result<OwnedStatement, ClientError> {
        self.statement(&Request::LastStatement)
    }

    fn new_book(
        &mut self,
        rules: &BookRules<'_>,
        request: &Request<'_>,
    ) -> Result<OwnedBook, ClientError> {
        let expected = rules.id();
        self.session.call(request, |answer| match answer {
            Response::Book(info) if info.book == expected => OwnedBook::check(&info),
            _ => None,
        })
    }

    fn done(&mut self, request: &Request<'_>) -> Result<(), ClientError> {
        self.session.call(request, |answer| {
            matches!(answer, Response::Done).then_some(())
        })
    }

    /// `place`, where it is known, is the position of the first entry and the number of entries.
    fn posted(
        &mut self,
        request: &Request<'_>,
        place: Option<(u64, usize)>,
    ) -> Result<Posted, ClientError> {
        self.session.call(request, |answer| match answer {
            Response::Posted {
                writer,
                first_seq,
                cut,
                entries,
            } => Posted::read(writer, first_seq, cut, entries).filter(|posted| {
                place.is_none_or(|place| place == (posted.first_seq, posted.entries.len()))
            }),
            _ => None,
        })
    }

    fn statement(&mut self, request: &Request<'_>) -> Result<OwnedStatement, ClientError> {
        self.session.call(request, |answer| match answer {
            Response::Statement(record) => Some(OwnedStatement::from(record)),
            _ => None,
        })
    }
}

/// A list for a request. More writers than a book may have can't be the claim of any sum.
fn per_writer<I: Clone>(items: &[I]) -> Result<PerWriter<I>, ClientError> {
    PerWriter::from_slice(items).map_err(|_| TokenError::ClaimRefused.into())
}
