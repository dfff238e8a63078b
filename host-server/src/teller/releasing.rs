//! Releases: a sum goes to the token, the token opens it if it is what it claims, and the statement
//! comes back with the amount.

use core_nostd::{
    amount::Amount,
    book::BookKind,
    ids::WriterId,
    statement::Span,
    tag::{LastPosition, Range},
    wire::{TokenError, scope::ScopeRecord},
};
use host_api::{self as api, teller::AskTotal};
use token_client::{ClientError, OwnedStatement};
use zeroize::Zeroizing;

use super::{Teller, link::Token, require_authenticated};
use crate::{
    blocking,
    http::{
        books,
        problem::{Kind, Problem, Result},
        totals::{self, Total},
    },
    ledger::Book,
    ranges::{self, At},
    store::Store,
    sums, verify,
};

impl<S: Store> Teller<S> {
    /// Opens a total and publishes its statement. Without `to` the token cuts its chain first, if
    /// enough entries have followed its last cut.
    pub async fn total(
        &self,
        token: &mut Token,
        book: &Book,
        AskTotal { from, to }: AskTotal,
    ) -> Result<api::Statement> {
        let (id, store) = (book.id(), &*self.store);
        self.settle(token, book).await?;
        let record = match book.kind {
            BookKind::Authenticated => {
                let missing = match to {
                    None => self.cut_now(token, book).await?,
                    Some(_) => None,
                };
                let [from, to] = [from, to].map(|number| number.map(At::Number));
                let ranges = ranges::between_cuts(store, &id, from, to).await?;
                let total = totals::sum(store, &id, book, ranges).await;
                let total = total.map_err(|problem| explain(problem, missing))?;
                self.release_total(token, book, total).await?
            }
            _ => {
                let (from, to) = (from.unwrap_or(0), to.unwrap_or(u64::MAX));
                let ranges = ranges::between_positions(store, &id, from, to).await?;
                let Total { sum, count, .. } = totals::sum(store, &id, book, ranges).await?;
                let release =
                    token.call(move |client| client.release_open(id, count, [&sum.c1, &sum.c2]));
                (release.await?, count)
            }
        };
        let statement = self.decode(token, book, record).await?;
        let json = serde_json::to_string(&statement).map_err(Problem::internal)?;
        store.put_statement(&id, &json).await?;
        Ok(statement)
    }

    /// Opens the balance of a NID's account. Nobody but the caller sees it.
    pub async fn balance(
        &self,
        token: &mut Token,
        book: &Book,
        nid: Zeroizing<String>,
    ) -> Result<api::Statement> {
        require_authenticated(book)?;
        let (id, store) = (book.id(), &*self.store);
        self.settle(token, book).await?;
        // Looking an account up is no reason to open it.
        let account = token
            .call(move |client| client.handle(id, &nid))
            .await?
            .handle;
        let balance = sums::balance(store, book.suite, &id, &account)
            .await?
            .ok_or_else(|| Kind::NothingToSum.detail("the account has no entries"))?;
        totals::check_writers(balance.last.len())?;
        let (sum, count) = (balance.sum, balance.count);
        let position = |(writer, seq): (WriterId, u64)| LastPosition {
            writer,
            seq: Some(seq),
        };
        let last: Vec<LastPosition> = balance.last.into_iter().map(position).collect();
        let release = token.call(move |client| {
            let tag = sum.tag.unwrap_or_default();
            client.release_balance(id, account, &last, [&sum.c1, &sum.c2, &tag])
        });
        let record = release.await?;
        self.decode(token, book, (record, count)).await
    }

    /// Cuts the token's chain, or says how many entries are missing before it can be cut again.
    async fn cut_now(&self, token: &mut Token, book: &Book) -> Result<Option<u32>> {
        let id = book.id();
        match token.try_call(move |client| client.cut(id)).await {
            Ok(cut) => self
                .keep_cut(book, cut.writer, cut.cut)
                .await
                .map(|()| None),
            Err(ClientError::Token(TokenError::TooFewEntries { missing })) => Ok(Some(missing)),
            Err(error) => Err(error.into()),
        }
    }

    async fn release_total(
        &self,
        token: &mut Token,
        book: &Book,
        Total { sum, ranges, count }: Total,
    ) -> Result<(OwnedStatement, u64)> {
        let id = book.id();
        let release = token.call(move |client| {
            let ranges: &[Range] = &ranges;
            let tag = sum.tag.unwrap_or_default();
            client.release_total(id, ranges, [&sum.c1, &sum.c2, &tag])
        });
        Ok((release.await?, count))
    }

    /// Finds the amount, lets the token check and show it, and writes the statement out.
    async fn decode(
        &self,
        token: &mut Token,
        book: &Book,
        (record, count): (OwnedStatement, u64),
    ) -> Result<api::Statement> {
        let bound = u128::from(count) * u128::from(book.cap);
        let (tables, suite, d) = (self.tables.clone(), book.suite, record.d.clone());
        let minor = blocking(move || tables.solve(suite, &d, bound)).await?;
        let minor = minor.ok_or_else(|| {
            Kind::OutOfRange.detail("the sum was opened but not decoded: open it cut by cut")
        })?;
        let number = record.number;
        token
            .call(move |client| client.confirm_decode(number, minor))
            .await?;
        let statement = to_api(book, record, minor);
        let (book, checked) = (book.clone(), statement.clone());
        blocking(move || verify::statement(&book, &checked))
            .await?
            .map_err(|error| Problem::internal(format!("the token's statement: {error}")))?;
        Ok(statement)
    }
}

/// A total of nothing because the chain could not be cut says so.
fn explain(problem: Problem, missing: Option<u32>) -> Problem {
    match (problem.kind, missing) {
        (Kind::NothingToSum, Some(missing)) => Kind::TooFewEntries.detail(format!(
            "a total covers no fewer entries than the book's rules say: {missing} more are needed"
        )),
        _ => problem,
    }
}

fn to_api(book: &Book, record: OwnedStatement, minor: i64) -> api::Statement {
    let span = |Span { writer, from, to }: &Span| api::Span {
        writer: writer.to_string(),
        from: *from,
        to: *to,
    };
    let position = |LastPosition { writer, seq }: &LastPosition| api::LastPosition {
        writer: writer.to_string(),
        seq: *seq,
    };
    let scope = match &record.scope {
        ScopeRecord::Total(spans) => api::Scope::Total {
            ranges: spans.iter().map(span).collect(),
        },
        ScopeRecord::Balance { account, last } => api::Scope::Balance {
            account: account.to_string(),
            last: last.iter().map(position).collect(),
        },
        _ => api::Scope::Open,
    };
    api::Statement {
        format: api::statement::FORMAT.to_owned(),
        book: books::to_api(book),
        number: record.number,
        count: record.count,
        scope,
        c1: record.c1.into(),
        c2: record.c2.into(),
        d: record.d.into(),
        proof_c: record.proof_c.into(),
        proof_s: record.proof_s.into(),
        minor: minor.to_string(),
        amount: Amount::from_minor(minor, book.currency).to_string(),
    }
}
