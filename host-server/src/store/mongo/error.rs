//! What MongoDB's errors mean for the ledger.

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::store::StoreError;

/// "E11000 duplicate key error".
const DUPLICATE_KEY: i32 = 11000;
/// Codes that say that there is no room: the disk is full, a quota is used up, and a hosting
/// provider's own way to say so.
const FULL: [i32; 3] = [14031, 12501, 8000];

/// Whether the only thing wrong is that something is there already, under the `_id` or in a unique
/// index. If so, the number of documents before it: these are durable.
pub fn stored_before_duplicate(error: &Error) -> Option<usize> {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == DUPLICATE_KEY => Some(0),
        ErrorKind::InsertMany(errors) if errors.write_concern_error.is_none() => {
            match errors.write_errors.as_deref() {
                Some([error]) if error.code == DUPLICATE_KEY => Some(error.index),
                _ => None,
            }
        }
        _ => None,
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let text = format!("MongoDB: {}", error.kind);
        match &*error.kind {
            _ if codes(&error).iter().any(|code| FULL.contains(code)) => Self::Full(text),
            ErrorKind::Bson(_) => Self::Damaged(text),
            _ => Self::Unavailable(text),
        }
    }
}

fn codes(error: &Error) -> Vec<i32> {
    match &*error.kind {
        ErrorKind::Command(error) => vec![error.code],
        ErrorKind::Write(WriteFailure::WriteError(error)) => vec![error.code],
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => vec![error.code],
        ErrorKind::InsertMany(errors) => {
            let of_writes = errors.write_errors.iter().flatten().map(|error| error.code);
            of_writes
                .chain(errors.write_concern_error.iter().map(|error| error.code))
                .collect()
        }
        _ => Vec::new(),
    }
}
