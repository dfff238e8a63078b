//! Statements: made from what a token released, and verified by anybody, with no key.

use std::path::Path;

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, SuiteVisitor},
    ciphertext::Ciphertext,
    error::VerifyError,
    group::Group,
    ids::{Handle, WriterId},
    keys::PublicKey,
    proof::dleq::DleqProof,
    statement::{Header, Scope, Span},
    tag::LastPosition,
    wire::scope::ScopeRecord,
};
use host_api as api;
use token_client::OwnedStatement;

use crate::{book::Book, durable, failure::Failure};

/// Why a statement does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Another format, or a later version of this one.
    #[error("its format is not {}", api::statement::FORMAT)]
    Format,
    /// The rules are out of bounds or do not hash to the book's identifier.
    #[error("the rules of its book are not those that the book's id stands for")]
    Rules,
    /// A writer or account is not hexadecimal of its length.
    #[error("an identifier in it is malformed")]
    Identifier,
    /// Writers are not strictly ascending.
    #[error("it names a writer twice, or not in order")]
    Order,
    /// Totals and balances belong to authenticated books, open sums to open ones.
    #[error("what it is about does not fit the kind of its book")]
    Scope,
    /// `minor` and `amount` are not one amount in its one spelling.
    #[error("its two spellings of the amount differ")]
    Amount,
    /// The proof, or what it is bound to, is wrong.
    #[error("{0}")]
    Verify(#[from] VerifyError),
}

/// A token's release as it is published: with the book, and the amount that was found.
pub fn publishable(book: &Book, released: &OwnedStatement, minor: i64) -> api::Statement {
    api::Statement {
        format: api::statement::FORMAT.to_owned(),
        book: book.to_api(),
        number: released.number,
        count: released.count,
        scope: scope_to_api(&released.scope),
        c1: released.c1.as_slice().into(),
        c2: released.c2.as_slice().into(),
        d: released.d.as_slice().into(),
        proof_c: released.proof_c.as_slice().into(),
        proof_s: released.proof_s.as_slice().into(),
        minor: minor.to_string(),
        amount: book.amount(minor).to_string(),
    }
}

fn scope_to_api(scope: &ScopeRecord) -> api::Scope {
    match scope.as_scope() {
        Scope::Total(spans) => api::Scope::Total {
            ranges: spans
                .iter()
                .map(|span| api::Span {
                    writer: span.writer.to_string(),
                    from: span.from,
                    to: span.to,
                })
                .collect(),
        },
        Scope::Balance { account, last } => api::Scope::Balance {
            account: account.to_string(),
            last: last
                .iter()
                .map(|last| api::LastPosition {
                    writer: last.writer.to_string(),
                    seq: last.seq,
                })
                .collect(),
        },
        Scope::Open => api::Scope::Open,
    }
}

/// Verifies a statement, and returns its book and amount in minor units: rules to identifier,
/// scope, `D = mG`, and the proof that `D` is what the ciphertext holds under the book's public
/// key.
pub fn verify(statement: &api::Statement) -> Result<(Book, i64), StatementError> {
    if statement.format != api::statement::FORMAT {
        return Err(StatementError::Format);
    }
    let book = Book::from_api(&statement.book).ok_or(StatementError::Rules)?;
    let minor: i64 = statement
        .minor
        .parse()
        .map_err(|_| StatementError::Amount)?;
    let amount = book.amount(minor).to_string();
    if statement.minor != minor.to_string() || statement.amount != amount {
        return Err(StatementError::Amount);
    }
    let check = |kind, scope| {
        if kind != book.rules.kind {
            return Err(StatementError::Scope);
        }
        let proof = Check {
            book: &book,
            statement,
            minor,
            scope,
        };
        Ok(book.rules.suite.dispatch(proof)?)
    };
    match &statement.scope {
        api::Scope::Total { ranges } => {
            let spans = ranges.iter().map(span).collect::<Result<Vec<_>, _>>()?;
            check_ascending(spans.iter().map(|span| span.writer))?;
            check(BookKind::Authenticated, Scope::Total(&spans))?;
        }
        api::Scope::Balance { account, last } => {
            let account = Handle::from_hex(account).ok_or(StatementError::Identifier)?;
            let last = last.iter().map(position).collect::<Result<Vec<_>, _>>()?;
            check_ascending(last.iter().map(|last| last.writer))?;
            check(
                BookKind::Authenticated,
                Scope::Balance {
                    account,
                    last: &last,
                },
            )?;
        }
        api::Scope::Open => check(BookKind::Open, Scope::Open)?,
    }
    Ok((book, minor))
}

/// Writes a statement to a file, for [`verify`].
pub fn write(path: &Path, statement: &api::Statement) -> Result<(), Failure> {
    let mut json = serde_json::to_vec_pretty(statement).map_err(Failure::failed)?;
    json.push(b'\n');
    durable::write(path, &json).map_err(|error| Failure::file(path, error))
}

/// The part that depends on the suite.
struct Check<'a> {
    book: &'a Book,
    statement: &'a api::Statement,
    minor: i64,
    scope: Scope<'a>,
}

impl SuiteVisitor for Check<'_> {
    type Output = Result<(), VerifyError>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let Self {
            book,
            statement,
            minor,
            scope,
        } = self;
        let header = Header::<S> {
            number: statement.number,
            book: book.id,
            public_key: PublicKey::from_bytes(&book.public_key)?,
            count: statement.count,
            scope,
            ciphertext: Ciphertext::from_bytes(&statement.c1.0, &statement.c2.0)?,
            d: S::Group::decode(&statement.d.0)?,
        };
        let proof = DleqProof::from_bytes(&statement.proof_c.0, &statement.proof_s.0)?;
        header.verify(minor, &proof)
    }
}

fn span(span: &api::Span) -> Result<Span, StatementError> {
    let writer = WriterId::from_hex(&span.writer).ok_or(StatementError::Identifier)?;
    Ok(Span {
        writer,
        from: span.from,
        to: span.to,
    })
}

fn position(last: &api::LastPosition) -> Result<LastPosition, StatementError> {
    let writer = WriterId::from_hex(&last.writer).ok_or(StatementError::Identifier)?;
    Ok(LastPosition {
        writer,
        seq: last.seq,
    })
}

fn check_ascending(writers: impl Iterator<Item = WriterId>) -> Result<(), StatementError> {
    if writers.is_sorted_by(|one, next| one < next) {
        Ok(())
    } else {
        Err(StatementError::Order)
    }
}

#[cfg(test)]
pub mod tests;
