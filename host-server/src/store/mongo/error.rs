//! What MongoDB's errors mean for the ledger.

use mongodb::error::{Error, ErrorKind, WriteFailure};

use crate::store::StoreError;

/// "E11000 duplicate key error".
const DUPLICATE_KEY: i32 = 11000;
/// The disk is full.
const OUT_OF_DISK_SPACE: i32 = 14031;
/// A quota is used up.
const QUOTA_EXCEEDED: i32 = 12501;
/// Whatever the hosting service refuses, also for want of room.
const ATLAS_ERROR: i32 = 8000;

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

/// Whether an unordered insert failed only where something was there already. If so everything else
/// is stored and durable.
pub fn are_duplicates(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::InsertMany(errors) if errors.write_concern_error.is_none() => {
            let mut failed = errors.write_errors.iter().flatten();
            failed.all(|error| error.code == DUPLICATE_KEY)
        }
        _ => false,
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let text = format!("MongoDB: {}", error.kind);
        match &*error.kind {
            _ if refusals(&error).into_iter().any(is_full) => Self::Full(text),
            ErrorKind::Bson(_) => Self::Damaged(text),
            _ => Self::Unavailable(text),
        }
    }
}

fn is_full((code, message): (i32, &str)) -> bool {
    match code {
        OUT_OF_DISK_SPACE | QUOTA_EXCEEDED => true,
        ATLAS_ERROR => message.contains("space quota"),
        _ => false,
    }
}

/// Code and message of everything that the server refused.
fn refusals(error: &Error) -> Vec<(i32, &str)> {
    match &*error.kind {
        ErrorKind::Command(error) => vec![(error.code, &error.message)],
        ErrorKind::Write(WriteFailure::WriteError(error)) => vec![(error.code, &error.message)],
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => {
            vec![(error.code, &error.message)]
        }
        ErrorKind::InsertMany(errors) => {
            let of_writes = errors.write_errors.iter().flatten();
            let of_writes = of_writes.map(|error| (error.code, error.message.as_str()));
            let of_concern = errors.write_concern_error.iter();
            of_writes
                .chain(of_concern.map(|error| (error.code, error.message.as_str())))
                .collect()
        }
        _ => Vec::new(),
    }
}
