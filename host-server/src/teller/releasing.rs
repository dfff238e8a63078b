//! Releases: a sum goes to the token, the token opens it if it is what it claims, and the statement
//! comes back with the amount.

use core_nostd::{
    amount::Amount,
    book::BookKind,
    ids::{Handle, WriterId},
    statement::Span,
    tag::{LastPosition, Range},
    wire::{TokenError, scope::ScopeRecord},
};
use host_api::{
    self as api,
    teller::{AskTotal, Released},
};
use host_kernels::discrete_log::Window;
use token_client::{ClientError, OwnedStatement};
use zeroize::Zeroizing;

use super::{
    Teller,
    decode::{Tables, out_of_range},
    link::Token,
    require_authenticated,
};
use crate::{
    blocking,
    events::Event,
    http::{
        books,
        problem::{Kind, Problem, Result},
        totals::{self, Total},
    },
    ledger::{At, Book},
    ranges,
    store::{Put, Store},
    sums::Of,
    verify,
};

impl<S: Store> Teller<S> {
    /// Opens a total and publishes its statement. Without `to` the token cuts its chain first, if
    /// enough entries have followed its last cut.
    pub async fn total(
        &self,
        token: &mut Token,
        book: &Book,
        ask: AskTotal,
        window: Option<Window>,
    ) -> Result<Released> {
        let (id, store) = (book.id(), &*self.store);
        let (record, count) = if ask.last {
            let record = opened_last(token, book).await?;
            if let ScopeRecord::Balance { .. } = record.scope {
                return Err(Kind::NotTheLast.detail("it was the balance of an account"));
            }
            let count = record.count;
            (record, count)
        } else {
            self.open_total(token, book, ask).await?
        };
        let released = decode(&self.tables, token, book, (record, Some(count)), window).await?;
        let json = serde_json::to_string(&released.statement).map_err(Problem::internal)?;
        if store.put_statement(&id, &json).await? == Put::Stored {
            self.sums.events().tell(Event::Statement(id));
        }
        Ok(released)
    }

    /// Opens the balance of a NID's account. Nobody but the caller sees it.
    pub async fn balance(
        &self,
        token: &mut Token,
        book: &Book,
        nid: Zeroizing<String>,
        last: bool,
        window: Option<Window>,
    ) -> Result<Released> {
        require_authenticated(book)?;
        let id = book.id();
        if !last {
            self.settle(token, book).await?;
        }
        // Looking an account up is no reason to open it.
        let account = token
            .call(move |client| client.handle(id, &nid))
            .await?
            .handle;
        let opened = if last {
            let record = opened_last(token, book).await?;
            match record.scope {
                ScopeRecord::Balance { account: of, .. } if of == account => (record, None),
                _ => return Err(Kind::NotTheLast.detail("it was not the balance of this account")),
            }
        } else {
            let (record, count) = self.open_balance(token, book, account).await?;
            (record, Some(count))
        };
        decode(&self.tables, token, book, opened, window).await
    }

    /// Lets the token open a total, which is of so many entries.
    async fn open_total(
        &self,
        token: &mut Token,
        book: &Book,
        AskTotal { from, to, .. }: AskTotal,
    ) -> Result<(OwnedStatement, u64)> {
        let (id, store) = (book.id(), &*self.store);
        self.settle(token, book).await?;
        if book.kind == BookKind::Authenticated {
            let missing = match to {
                None => self.cut_now(token, book).await?,
                Some(_) => None,
            };
            let [from, to] = [from, to].map(|number| number.map(At::Number));
            let ranges = ranges::between_cuts(store, &id, from, to.unwrap_or(At::Latest)).await?;
            let total = totals::sum(&self.sums, book, ranges).await;
            let Total { sum, ranges, count } =
                total.map_err(|problem| explain(problem, missing))?;
            let release = token.call(move |client| {
                let ranges: &[Range] = &ranges;
                let tag = sum.tag.unwrap_or_default();
                client.release_total(id, ranges, [&sum.c1, &sum.c2, &tag])
            });
            Ok((release.await?, count))
        } else {
            let (from, to) = (from.unwrap_or(0), to.unwrap_or(u64::MAX));
            let ranges = ranges::between_positions(store, &id, from, to).await?;
            let Total { sum, count, .. } = totals::sum(&self.sums, book, ranges).await?;
            let release =
                token.call(move |client| client.release_open(id, count, [&sum.c1, &sum.c2]));
            Ok((release.await?, count))
        }
    }

    /// Lets the token open a balance, which is of so many entries.
    async fn open_balance(
        &self,
        token: &mut Token,
        book: &Book,
        account: Handle,
    ) -> Result<(OwnedStatement, u64)> {
        let id = book.id();
        let balance = self.sums.balance(Of::from(book), &account);
        let balance = balance
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
        Ok((release.await?, count))
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
}

/// What the token opened last, which nobody is asked about again.
async fn opened_last(token: &mut Token, book: &Book) -> Result<OwnedStatement> {
    let record = token.call(|client| client.last_statement()).await?;
    if record.book == book.id() {
        Ok(record)
    } else {
        Err(Kind::NotTheLast.detail("it was of another book"))
    }
}

/// Finds the amount, lets the token check and show it, and writes the statement out.
async fn decode(
    tables: &Tables,
    token: &mut Token,
    book: &Book,
    (record, count): (OwnedStatement, Option<u64>),
    window: Option<Window>,
) -> Result<Released> {
    let bound = count.map(|count| book.rules().bound(count));
    let usual = || bound.map_or(Window::DEFAULT, Window::for_bound);
    let window = window.unwrap_or_else(usual);
    let (tables, suite, d) = (tables.clone(), book.suite, record.d.clone());
    let minor = blocking(move || tables.solve(suite, &d, window)).await?;
    let minor = minor.ok_or_else(|| out_of_range(book, window, bound))?;
    let number = record.number;
    token
        .call(move |client| client.confirm_decode(number, minor))
        .await?;
    let statement = to_api(book, record, minor);
    let (book, checked) = (book.clone(), statement.clone());
    blocking(move || verify::statement(&book, &checked))
        .await?
        .map_err(|error| Problem::internal(format!("the token's statement: {error}")))?;
    Ok(Released {
        statement,
        bound: bound.map(|bound| bound.to_string()),
    })
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
