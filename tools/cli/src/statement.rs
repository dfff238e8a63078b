//! Statements: made from what a token released, and verified by anybody, with no key.

use std::path::Path;

use core_nostd::{
    error::VerifyError,
    ids::{Handle, WriterId},
    statement::{Scope, Span},
    tag::LastPosition,
    wire::{PerWriter, StatementRecord, scope::ScopeRecord},
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
    let record = StatementRecord {
        number: statement.number,
        book: book.id,
        count: statement.count,
        scope: scope(&statement.scope)?,
        c1: &statement.c1.0,
        c2: &statement.c2.0,
        d: &statement.d.0,
        proof_c: &statement.proof_c.0,
        proof_s: &statement.proof_s.0,
    };
    record.verify(&book.rules.as_rules(), &book.public_key, minor)?;
    Ok((book, minor))
}

fn scope(scope: &api::Scope) -> Result<ScopeRecord, StatementError> {
    Ok(match scope {
        api::Scope::Total { ranges } => ScopeRecord::Total(each(ranges, span)?),
        api::Scope::Balance { account, last } => ScopeRecord::Balance {
            account: Handle::from_hex(account).ok_or(StatementError::Identifier)?,
            last: each(last, position)?,
        },
        api::Scope::Open => ScopeRecord::Open,
    })
}

/// Reads one item for each writer; a release has no more of them than a book has writers.
fn each<A, B>(
    items: &[A],
    read: impl Fn(&A) -> Result<B, StatementError>,
) -> Result<PerWriter<B>, StatementError> {
    let mut list = PerWriter::new();
    for item in items {
        list.push(read(item)?)
            .map_err(|_| VerifyError::Inconsistent)?;
    }
    Ok(list)
}

/// Writes a statement to a file, for [`verify`].
pub fn write(path: &Path, statement: &api::Statement) -> Result<(), Failure> {
    let mut json = serde_json::to_vec_pretty(statement).map_err(Failure::failed)?;
    json.push(b'\n');
    durable::write(path, &json).map_err(|error| Failure::file(path, error))
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

#[cfg(test)]
pub mod tests;
