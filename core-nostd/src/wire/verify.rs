//! Verifying a statement from the bytes it travels as, in the suite its book names.

use super::StatementRecord;
use crate::{
    book::{BookKind, BookRules},
    ciphersuite::{Ciphersuite, SuiteVisitor},
    ciphertext::Ciphertext,
    error::VerifyError,
    group::Group,
    keys::PublicKey,
    proof::dleq::DleqProof,
    statement::{Header, Scope},
    tag::ascending,
};

impl StatementRecord<'_> {
    /// Verifies that the ciphertext holds `minor` under `public_key`, and that the record is one of
    /// a release from the book of these rules: its identifier, its kind, writers in strictly
    /// ascending order, the count of entries. Needs no key.
    ///
    /// # Errors
    /// Those of [`Header::verify`]; [`VerifyError::Inconsistent`] also if the record does not fit
    /// the rules.
    pub fn verify(
        &self,
        rules: &BookRules<'_>,
        public_key: &[u8],
        minor: i64,
    ) -> Result<(), VerifyError> {
        let scope = self.scope.as_scope();
        let (kind, is_ordered) = match scope {
            Scope::Total(spans) => (
                BookKind::Authenticated,
                ascending(spans.iter().map(|span| &span.writer)),
            ),
            Scope::Balance { last, .. } => (
                BookKind::Authenticated,
                ascending(last.iter().map(|last| &last.writer)),
            ),
            Scope::Open => (BookKind::Open, true),
        };
        if !is_ordered || kind != rules.kind || self.book != rules.id() {
            return Err(VerifyError::Inconsistent);
        }
        rules.suite.dispatch(InSuite {
            record: self,
            public_key,
            minor,
        })
    }
}

struct InSuite<'a> {
    record: &'a StatementRecord<'a>,
    public_key: &'a [u8],
    minor: i64,
}

impl SuiteVisitor for InSuite<'_> {
    type Output = Result<(), VerifyError>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        let record = self.record;
        let header = Header::<S> {
            number: record.number,
            book: record.book,
            public_key: PublicKey::from_bytes(self.public_key)?,
            count: record.count,
            scope: record.scope.as_scope(),
            ciphertext: Ciphertext::from_bytes(record.c1, record.c2)?,
            d: S::Group::decode(record.d)?,
        };
        let proof = DleqProof::from_bytes(record.proof_c, record.proof_s)?;
        header.verify(self.minor, &proof)
    }
}
