//! Entries in the binary form: read from a body, written to a stream.

use host_api::{self as api, binary};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    append::ENTRIES_LEN_MAX,
    problem::{Kind, Result},
};
use crate::ledger::{Body, Stored};

/// The records of a body, one more than a request may have at most.
pub fn read<T: DeserializeOwned, Entry: From<T>>(
    mut body: &[u8],
) -> Result<api::AppendEntries<Entry>> {
    let mut entries = Vec::new();
    while !body.is_empty() && entries.len() <= ENTRIES_LEN_MAX {
        let (record, rest) = postcard::take_from_bytes::<T>(body).map_err(|error| {
            Kind::InvalidBody.detail(format!("record {}: {error}", entries.len()))
        })?;
        entries.push(record.into());
        body = rest;
    }
    Ok(api::AppendEntries { entries })
}

/// The records of stored entries.
pub fn write(page: Vec<Stored>) -> Vec<u8> {
    page.into_iter()
        .fold(Vec::new(), |bytes, stored| append(bytes, &record(stored)))
}

fn append(bytes: Vec<u8>, record: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(record, bytes).expect("a Vec takes every byte")
}

fn record(stored: Stored) -> binary::StoredEntry {
    let Stored {
        writer,
        seq,
        c1,
        c2,
        body,
        arrived_ms,
        ..
    } = stored;
    match body {
        Body::Authenticated {
            account,
            prev,
            tag,
            account_tag,
        } => binary::StoredEntry::Authenticated {
            arrived_ms,
            entry: binary::Entry {
                writer: writer.0,
                seq,
                account: account.0,
                prev,
                c1,
                c2,
                tag,
                account_tag,
            },
        },
        Body::Open { entry } => binary::StoredEntry::Open {
            arrived_ms,
            writer: writer.0,
            seq,
            entry: binary::OpenEntry { entry, c1, c2 },
        },
    }
}
