//! Verifying a release statement, as anybody can who has the book's public key.

use core_nostd::{
    amount::Amount,
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
    /// Writers are not strictly ascending.
    #[error("writers are not strictly ascending")]
    Order,
    /// Totals and balances belong to authenticated books, open sums to open ones.
    #[error("the scope does not fit the kind of the book")]
    Scope,
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
    let kind = match &statement.scope {
        api::Scope::Open => BookKind::Open,
        api::Scope::Total { .. } | api::Scope::Balance { .. } => BookKind::Authenticated,
    };
    if kind != book.kind {
        return Err(StatementError::Scope);
    }
    match &statement.scope {
        api::Scope::Total { ranges } => {
            let spans = ranges.iter().map(span).collect::<Result<Vec<_>, _>>()?;
            check_ascending(spans.iter().map(|span| span.writer))?;
            verify(book, statement, minor, Scope::Total(&spans))
        }
        api::Scope::Balance { account, last } => {
            let account = Handle::from_hex(account).ok_or(StatementError::Identifier)?;
            let last = last.iter().map(position).collect::<Result<Vec<_>, _>>()?;
            check_ascending(last.iter().map(|last| last.writer))?;
            verify(
                book,
                statement,
                minor,
                Scope::Balance {
                    account,
                    last: &last,
                },
            )
        }
        api::Scope::Open => verify(book, statement, minor, Scope::Open),
    }
}

fn verify(
    book: &Book,
    statement: &api::Statement,
    minor: i64,
    scope: Scope<'_>,
) -> Result<(), StatementError> {
    let check = Check {
        book,
        statement,
        minor,
        scope,
    };
    Ok(book.suite.dispatch(check)?)
}

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
            book: book.id(),
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

fn check_ascending(writers: impl Iterator<Item = WriterId>) -> Result<(), StatementError> {
    if writers.is_sorted_by(|one, next| one < next) {
        Ok(())
    } else {
        Err(StatementError::Order)
    }
}
