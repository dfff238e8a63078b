//! Verifying a release statement, as anybody can who has the book's public key.

use core_nostd::{
    amount::Amount,
    error::VerifyError,
    ids::{Handle, WriterId},
    statement::Span,
    tag::LastPosition,
    wire::{PerWriter, StatementRecord, scope::ScopeRecord},
};
use host_api as api;

use crate::ledger::Book;

/// Why a statement does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Another format, or a later version of this one.
    #[error("the format is not {}", api::statement::FORMAT)]
    Format,
    /// A writer or account is not hexadecimal of its length.
    #[error("an identifier is malformed")]
    Identifier,
    /// `minor` is not an integer of 64 bits in its one spelling, or `amount` is not the same money.
    #[error("minor and amount are not the same amount")]
    Amount,
    /// The proof, or what it is bound to, is wrong.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Verifies a statement about `book`: identifiers, spans and their count, the amount, the proof.
/// The caller has compared the statement's book.
///
/// # Errors
/// [`StatementError`].
pub fn statement(book: &Book, statement: &api::Statement) -> Result<(), StatementError> {
    if statement.format != api::statement::FORMAT {
        return Err(StatementError::Format);
    }
    let minor: i64 = statement
        .minor
        .parse()
        .map_err(|_| StatementError::Amount)?;
    let amount = Amount::from_minor(minor, book.currency).to_string();
    if statement.minor != minor.to_string() || statement.amount != amount {
        return Err(StatementError::Amount);
    }
    let record = StatementRecord {
        number: statement.number,
        book: book.id(),
        count: statement.count,
        scope: scope(&statement.scope)?,
        c1: &statement.c1.0,
        c2: &statement.c2.0,
        d: &statement.d.0,
        proof_c: &statement.proof_c.0,
        proof_s: &statement.proof_s.0,
    };
    Ok(record.verify(&book.rules(), &book.public_key, minor)?)
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

fn span(span: &api::Span) -> Result<Span, StatementError> {
    Ok(Span {
        writer: writer(&span.writer)?,
        from: span.from,
        to: span.to,
    })
}

fn position(last: &api::LastPosition) -> Result<LastPosition, StatementError> {
    Ok(LastPosition {
        writer: writer(&last.writer)?,
        seq: last.seq,
    })
}

fn writer(text: &str) -> Result<WriterId, StatementError> {
    WriterId::from_hex(text).ok_or(StatementError::Identifier)
}
