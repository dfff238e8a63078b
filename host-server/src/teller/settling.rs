//! Settling: before a chain goes on, what the token signed last is in the store.

use core_nostd::{book::BookKind, ids::WriterId, tag::Cut, wire::TokenError};
use host_api as api;
use token_client::{ClientError, OwnedEntry, Posted};

use super::{Teller, link::Token};
use crate::{
    blocking,
    events::Event,
    http::{
        append,
        problem::{Kind, Problem, Result},
    },
    ledger::{Book, ChainCut},
    now_ms,
    store::{Put, Store},
};

impl<S: Store> Teller<S> {
    /// Makes sure that token and store agree about a book: on its key, and on where the token's
    /// chain ends. An entry that was signed and did not arrive arrives now.
    pub(super) async fn settle(&self, token: &mut Token, book: &Book) -> Result<()> {
        let id = book.id();
        if token.is_settled(&id) {
            return Ok(());
        }
        let public_key = token.call(move |client| client.public_key(id)).await?;
        if public_key != book.public_key {
            return Err(Kind::TokenMismatch.detail(
                "the token has another key for this book: it is not the one that made it",
            ));
        }
        if book.kind == BookKind::Authenticated {
            self.settle_chain(token, book).await?;
        }
        if let Some(owner) = token.owed(&id) {
            self.record(&owner).await?;
        }
        token.set_paid(id);
        Ok(())
    }

    async fn settle_chain(&self, token: &mut Token, book: &Book) -> Result<()> {
        let id = book.id();
        let writer = token.writer().await?;
        let token_next = match token.try_call(move |client| client.last_entry(id)).await {
            Ok(posted) => {
                let next = posted.next_seq();
                self.keep(book, posted).await?;
                next
            }
            Err(ClientError::Token(TokenError::NothingStored)) => 0,
            Err(error) => return Err(error.into()),
        };
        let heads = self.store.heads(&id).await?;
        let store_next = heads
            .iter()
            .find(|(of, _)| *of == writer)
            .map_or(0, |(_, next)| *next);
        if store_next != token_next {
            return Err(mismatch(token_next, store_next));
        }
        Ok(())
    }

    /// Puts what the token signed into the store.
    pub(super) async fn keep(&self, book: &Book, posted: Posted) -> Result<()> {
        let (writer, first_seq, cut) = (posted.writer, posted.first_seq, posted.cut);
        let entry = |(seq, entry): (u64, OwnedEntry)| api::Entry {
            writer: writer.to_string(),
            seq,
            account: entry.account.to_string(),
            prev: entry.prev,
            c1: entry.c1.into(),
            c2: entry.c2.into(),
            tag: entry.tag.into(),
            account_tag: entry.account_tag.into(),
        };
        let entries = (first_seq..).zip(posted.entries).map(entry).collect();
        let body = api::AppendEntries { entries };
        let rules = book.clone();
        let stored = blocking(move || append::decode(&rules, &body, now_ms())).await??;
        let outcomes = append::chains(&self.sums, book, &stored).await?;
        append::answer(outcomes).map_err(|problem| match problem.kind {
            Kind::EntryConflict | Kind::EntryGap => Kind::TokenMismatch.detail(format!(
                "the token signed position {first_seq}, which does not continue the stored chain: \
                 was the store restored from a backup?"
            )),
            _ => problem,
        })?;
        match cut {
            Some(cut) => self.keep_cut(book, writer, cut).await,
            None => Ok(()),
        }
    }

    /// Puts a cut into the store; the start of a chain is none.
    pub(super) async fn keep_cut(
        &self,
        book: &Book,
        writer: WriterId,
        Cut { position, mac }: Cut,
    ) -> Result<()> {
        if position == 0 {
            return Ok(());
        }
        let cut = ChainCut {
            writer,
            position,
            mac,
            arrived_ms: now_ms(),
        };
        match self.store.put_cut(&book.id(), &cut).await? {
            Put::Stored => {
                let event = Event::Cut(book.id(), writer, position);
                self.sums.events().tell(event);
                Ok(())
            }
            Put::Already => Ok(()),
            Put::Conflict => Err(Kind::CutConflict.into()),
        }
    }
}

fn mismatch(token_next: u64, store_next: u64) -> Problem {
    Kind::TokenMismatch.detail(format!(
        "the token's chain has {token_next} entries, the stored one {store_next}: one of them was \
         restored from a backup"
    ))
}
