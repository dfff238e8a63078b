//! Postings: deposits and withdrawals that the attached token encrypts and signs.

use core_nostd::{amount::Amount, ids::WriterId, wire::Posting};
use host_api::teller as api;
use zeroize::Zeroizing;

use super::{
    Teller,
    attempts::{Begun, Key, Request},
    link::Token,
    require_authenticated,
};
use crate::{
    http::problem::{Kind, Result},
    ledger::Book,
    store::{NextPlace, Store},
};

impl<S: Store> Teller<S> {
    /// Posts an amount to the account of a NID, opening the account if it is new. The entry is
    /// durable when this returns.
    pub async fn post(
        &self,
        token: &mut Token,
        book: &Book,
        post: api::Post,
        key: Key,
    ) -> Result<api::Posted> {
        let (nid, amount) = (Zeroizing::new(post.nid), Zeroizing::new(post.amount));
        require_authenticated(book)?;
        let minor = minor_units(book, &amount)?;
        let id = book.id();
        self.settle(token, book).await?;
        let account = self.account(token, id, nid).await?;

        let request = Request::new(key, id, account, minor);
        let done = match self.attempt(token, book, &request).await {
            // The line broke: it may have been signed. Looking once more mostly tells.
            Err(problem) if problem.kind == Kind::TokenUnavailable => {
                self.attempt(token, book, &request).await
            }
            done => done,
        };
        let (writer, seq) = done?;
        Ok(api::Posted {
            book: id.to_string(),
            account: account.to_string(),
            writer: writer.to_string(),
            seq,
        })
    }

    /// Where the entry of this request stands, made now or before.
    async fn attempt(
        &self,
        token: &mut Token,
        book: &Book,
        request: &Request,
    ) -> Result<(WriterId, u64)> {
        let id = book.id();
        self.settle(token, book).await?;
        let writer = token.writer().await?;
        let NextPlace {
            next_seq: seq,
            prev,
        } = self
            .store
            .next_place(&id, &writer, &request.account)
            .await?;
        if let Begun::Done(writer, seq) = self.begin(token, request, writer, seq).await? {
            return Ok((writer, seq));
        }
        let posting = Posting {
            account: request.account,
            prev,
            minor: request.minor,
        };
        let posted = token
            .call(move |client| client.post(id, seq, posting))
            .await?;
        let owner = request.owner(writer, seq);
        token.owe(id, owner.clone());
        self.keep(book, posted).await?;
        self.record(&owner).await?;
        token.set_paid(id);
        Ok((writer, seq))
    }
}

/// The amount, which is within the book's cap.
fn minor_units(book: &Book, amount: &str) -> Result<i64> {
    let minor = Amount::parse(amount, book.currency)
        .map_err(|error| Kind::BadAmount.detail(error.to_string()))?
        .minor();
    match book.rules().admit(minor) {
        Ok(amount) => Ok(amount.minor()),
        Err(error) => Err(Kind::OverCap.detail(error.to_string())),
    }
}
