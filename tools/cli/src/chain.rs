//! This token's chain in one book, brought into step on token, spool and server before anything is
//! added to it, and added to without a gap.
//!
//! ```text
//! token signs ── spool (synced) ── server (durable) ── spool file removed
//! ```
//!
//! A stop at any arrow is put right by the next [`Chain::open`]: what is in the spool is sent
//! again, and what the token signed but nobody kept is fetched back with `LastEntry`.

use std::ops::Range;

use core_nostd::{
    ids::{Handle, WriterId},
    tag::Cut,
    wire::{Posting, TokenError},
};
use host_api as api;
use token_client::Posted;
use zeroize::Zeroize;

use crate::{
    book::Book,
    failure::{Failure, Result},
    journal,
    out::hint,
    server::Server,
    settings::Token,
    spool::{Entries, Record, Spool},
};

/// The token's chain in a book, and the places it goes through.
pub struct Chain<'a> {
    server: &'a Server,
    spool: &'a Spool,
    /// The book.
    pub book: &'a Book,
    /// The token.
    pub token: &'a mut Token,
    /// Its writer identifier.
    pub writer: WriterId,
    /// Next position.
    pub next_seq: u64,
}

/// An account as it is posted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its handle.
    pub handle: Handle,
    /// Its last position in the chain.
    pub prev: Option<u64>,
}

impl<'a> Chain<'a> {
    /// Compares the book, delivers what waits, and brings token and server into step.
    pub fn open(
        server: &'a Server,
        token: &'a mut Token,
        spool: &'a Spool,
        book: &'a Book,
    ) -> Result<Self> {
        book.require_authenticated("its entries are not signed by a token")?;
        let writer = token.info().writer.ok_or(TokenError::NotProvisioned)?;
        let mut chain = Self {
            server,
            spool,
            book,
            token,
            writer,
            next_seq: 0,
        };
        chain.bring_into_step()?;
        Ok(chain)
    }

    /// Does what [`Self::open`] does once more, after the chain has moved under our feet.
    pub fn bring_into_step(&mut self) -> Result<()> {
        let sent = self.spool.deliver(self.server)?.sent;
        if sent > 0 {
            hint(&format!(
                "{sent} signed answers that had not reached the server were sent"
            ));
        }
        let next = self.book.on_token(self.token)?.next_seq;
        let head = self.head()?;
        match next.cmp(&head) {
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater if self.recover(next, head)? => {}
            _ => return Err(self.mismatch(next, head)),
        }
        self.next_seq = next;
        journal::settle_all(self.spool, &self.book.id, &self.writer, next)
    }

    /// Does for a chain that is about to be given up what can still be done, and returns which
    /// positions the server will never have.
    pub fn close(
        server: &'a Server,
        token: &'a mut Token,
        spool: &'a Spool,
        book: &'a Book,
    ) -> Result<Option<Range<u64>>> {
        let writer = token.info().writer.ok_or(TokenError::NotProvisioned)?;
        let next = book.on_token(token)?.next_seq;
        let mut chain = Self {
            server,
            spool,
            book,
            token,
            writer,
            next_seq: next,
        };
        let head = chain.head()?;
        let is_missing = next > head && !chain.recover(next, head)?;
        Ok(is_missing.then_some(head..next))
    }

    /// Where the chain ends on the server.
    fn head(&self) -> Result<u64> {
        let writer = self.writer.to_string();
        let heads = self.server.heads(self.book.id)?;
        let head = heads.iter().find(|head| head.writer == writer);
        Ok(head.map_or(0, |head| head.next_seq))
    }

    /// Fetches back what the token signed and the server never got, if that is its last answer.
    fn recover(&mut self, next: u64, head: u64) -> Result<bool> {
        let last = self.token.last_entry(self.book.id)?;
        if last.next_seq() != next || last.first_seq > head {
            return Ok(false);
        }
        let (first, end) = (last.first_seq, last.next_seq());
        hint(&format!(
            "entries {first} to {} were signed earlier and never sent; they are sent now",
            end - 1
        ));
        self.deliver(&last).map(|()| true)
    }

    fn mismatch(&self, next: u64, head: u64) -> Failure {
        let name = &self.book.rules.name;
        let what = format!(
            "the chain of this token in book \"{name}\" is at position {next} on the token and at \
             {head} on the server"
        );
        let spool = self.spool.folder().display();
        Failure::failed(if next > head {
            format!(
                "{what}. The entries between may wait in the spool of another host (this one is \
                 {spool}). If the server was restored from an old copy, they are lost to it: \
                 `tally token new-writer` then leads out. Nothing was posted"
            )
        } else {
            format!(
                "{what}: the token's storage is older than the chain, and its entries would be \
                 refused. `tally token new-writer` leads out. Nothing was posted"
            )
        })
    }

    /// The account of a NID, opened on the server if it is new.
    pub fn account(&mut self, nid: &str) -> Result<Account> {
        let opened = self.token.handle(self.book.id, nid)?;
        let handle = opened.handle;
        let known = self
            .server
            .account(self.book.id, handle, Some(self.writer))?;
        let prev = match known {
            Some(account) => account.next.and_then(|next| next.prev),
            None => {
                self.server
                    .open_account(self.book.id, handle, &opened.sealed_nid)?;
                None
            }
        };
        Ok(Account { handle, prev })
    }

    /// Signs postings as the next entries and brings them to the server. `None` if the chain has
    /// moved meanwhile and nothing was signed: bring it into step and look the accounts up again.
    pub fn post(&mut self, postings: &mut [Posting]) -> Result<Option<Posted>> {
        let book = self.book.id;
        let signed = match &*postings {
            [one] => self.token.post(book, self.next_seq, *one),
            batch => self.token.post_batch(book, self.next_seq, batch),
        };
        postings.iter_mut().for_each(Zeroize::zeroize);
        match signed {
            Ok(posted) => {
                self.deliver(&posted)?;
                self.next_seq = posted.next_seq();
                Ok(Some(posted))
            }
            Err(error) => match error.token() {
                Some(TokenError::WrongSeq { .. } | TokenError::BadPrev) => Ok(None),
                Some(_) => Err(error.into()),
                None => Err(Failure::from(error).and(
                    "It may have signed all the same; if so the next posting command sends that. \
                     Look with `tally status` before you post this again",
                )),
            },
        }
    }

    /// Cuts the chain, if enough entries follow the last cut, and publishes the cut. Otherwise says
    /// how many are missing.
    pub fn cut(&mut self) -> Result<Result<Cut, u32>> {
        match self.token.cut(self.book.id) {
            Ok(cut) => {
                self.server.post_cut(
                    &self.book.id.to_string(),
                    &cut_to_api(self.writer, &cut.cut),
                )?;
                Ok(Ok(cut.cut))
            }
            Err(error) => match error.token() {
                Some(TokenError::TooFewEntries { missing }) => Ok(Err(missing)),
                _ => Err(error.into()),
            },
        }
    }

    fn deliver(&self, posted: &Posted) -> Result<()> {
        let record = record(self.book, posted);
        let path = self.spool.put(&record)?;
        let sent = self.spool.deliver_one(self.server, &path, &record);
        sent.map(|_| ()).map_err(|failure| {
            failure.and(
                "What was posted is signed and kept; the next posting command sends it. Don't \
                 post it again",
            )
        })
    }
}

/// A cut as the server takes it.
fn cut_to_api(writer: WriterId, cut: &Cut) -> api::Cut {
    api::Cut {
        writer: writer.to_string(),
        position: cut.position,
        mac: (cut.position > 0).then(|| cut.mac.as_slice().into()),
    }
}

/// A token's answer as a record of the spool.
fn record(book: &Book, posted: &Posted) -> Record {
    let entries = std::iter::zip(posted.first_seq.., &posted.entries)
        .map(|(seq, entry)| api::Entry {
            writer: posted.writer.to_string(),
            seq,
            account: entry.account.to_string(),
            prev: entry.prev,
            c1: entry.c1.as_slice().into(),
            c2: entry.c2.as_slice().into(),
            tag: entry.tag.as_slice().into(),
            account_tag: entry.account_tag.as_slice().into(),
        })
        .collect();
    let cut = posted
        .cut
        .as_ref()
        .map(|cut| cut_to_api(posted.writer, cut));
    Record::new(book.id.to_string(), Entries::Signed(entries), cut)
}
