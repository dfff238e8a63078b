//! Taking entries in: every element is decoded once, then each run of a chain goes to the store.

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteVisitor},
    error::DecodeError,
    group::Group,
    ids::{Place, WriterId},
};
use host_api::{self as api, Base64, EntryOutcome, Outcome};

use super::{
    extract,
    problem::{Kind, Problem, Result},
};
use crate::{
    ledger::{Book, Entry, OpenEntry, Stored},
    store::{Appended, Put, Store},
    sums::{Of, Sums},
};

/// Most entries in one request.
pub const ENTRIES_LEN_MAX: usize = 4096;

/// The writer of every open book while there are no keys: all who may post share one chain.
pub const SHARED_WRITER: WriterId = WriterId([0; WriterId::LEN]);

/// Checks entries of an authenticated book: identifiers, and every element in the book's suite.
///
/// A well-formed entry with an odd `prev` passes: its token has signed it, and the chain must go
/// on.
pub fn decode(
    book: &Book,
    body: &api::AppendEntries<api::Entry>,
    arrived_ms: u64,
) -> Result<Vec<Stored>> {
    check_len(body.entries.len())?;
    let id = book.id();
    let entry = |(index, entry): (usize, &api::Entry)| {
        let place = Place {
            book: id,
            writer: extract::writer(&entry.writer, Kind::InvalidBody)?,
            seq: entry.seq,
            account: extract::handle(&entry.account, Kind::InvalidBody)?,
            prev: entry.prev,
        };
        check_elements(
            book,
            index,
            &[
                ("c1", &entry.c1, Identity::Refused),
                ("c2", &entry.c2, Identity::Allowed),
                ("tag", &entry.tag, Identity::Allowed),
                ("account_tag", &entry.account_tag, Identity::Allowed),
            ],
        )?;
        let entry = Entry {
            place,
            c1: entry.c1.0.clone(),
            c2: entry.c2.0.clone(),
            tag: entry.tag.0.clone(),
            account_tag: entry.account_tag.0.clone(),
        };
        Ok(Stored::new(entry, arrived_ms))
    };
    body.entries.iter().enumerate().map(entry).collect()
}

/// Checks entries of an open book.
pub fn decode_open(
    book: &Book,
    body: &api::AppendEntries<api::OpenEntry>,
) -> Result<Vec<OpenEntry>> {
    check_len(body.entries.len())?;
    let entry = |(index, open): (usize, &api::OpenEntry)| {
        let mut entry = [0; 16];
        hex::decode_to_slice(&open.entry, &mut entry).map_err(|_| {
            Kind::InvalidBody.detail("an entry of an open book is named by 32 hexadecimal digits")
        })?;
        check_elements(
            book,
            index,
            &[
                ("c1", &open.c1, Identity::Refused),
                ("c2", &open.c2, Identity::Allowed),
            ],
        )?;
        Ok(OpenEntry {
            entry,
            c1: open.c1.0.clone(),
            c2: open.c2.0.clone(),
        })
    };
    body.entries.iter().enumerate().map(entry).collect()
}

/// Appends checked entries run by run; a run is what one append of the store takes: consecutive
/// positions of one chain of `book`. Outcomes are in the order of the entries.
pub async fn chains<S: Store>(
    sums: &Sums<S>,
    book: &Book,
    entries: &[Stored],
) -> Result<Vec<EntryOutcome>> {
    let of = Of::from(book);
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|index| entries[*index].writer);
    let sorted: Vec<Stored> = order.iter().map(|index| entries[*index].clone()).collect();
    let follows = |one: &Stored, next: &Stored| {
        one.writer == next.writer && one.seq.checked_add(1) == Some(next.seq)
    };

    let mut appended = Vec::with_capacity(sorted.len());
    for run in sorted.chunk_by(follows) {
        let outcomes = sums.store().append(run).await?;
        let is_stored = |outcome: &&Appended| **outcome == Appended::Put(Put::Stored);
        let already = outcomes
            .iter()
            .take_while(|outcome| !is_stored(outcome))
            .count();
        let stored = outcomes[already..].iter().take_while(is_stored).count();
        sums.has_grown(of, &run[already..already + stored]);
        appended.extend(outcomes);
    }
    let mut outcomes: Vec<_> = std::iter::zip(order, appended).collect();
    outcomes.sort_by_key(|(index, _)| *index);
    let outcome = |(index, appended): (usize, Appended)| EntryOutcome {
        writer: entries[index].writer.to_string(),
        seq: entries[index].seq,
        outcome: match appended {
            Appended::Put(put) => put_outcome(put),
            Appended::Gap(_) => Outcome::Gap,
        },
    };
    Ok(outcomes.into_iter().map(outcome).collect())
}

/// Appends checked entries of an open book to `writer`'s chain.
pub async fn open<S: Store>(
    sums: &Sums<S>,
    book: &Book,
    writer: &WriterId,
    entries: &[OpenEntry],
    arrived_ms: u64,
) -> Result<Vec<EntryOutcome>> {
    let of = Of::from(book);
    let store = sums.store();
    let appended = store
        .append_open(&of.book, writer, entries, arrived_ms)
        .await?;
    let stored = appended.iter().filter(|(_, put)| *put == Put::Stored);
    if let Some(last) = stored.map(|(seq, _)| *seq).max() {
        sums.has_grown_to(of, writer, entries.len() as u64, last + 1);
    }
    let outcome = |(seq, put)| EntryOutcome {
        writer: writer.to_string(),
        seq,
        outcome: put_outcome(put),
    };
    Ok(appended.into_iter().map(outcome).collect())
}

/// The answer if every entry is stored; the problem that names the first refusal if not.
pub fn answer(entries: Vec<EntryOutcome>) -> Result<api::Appended> {
    let refused = entries.iter().find_map(|entry| {
        let kind = match entry.outcome {
            Outcome::Conflict => Kind::EntryConflict,
            Outcome::Gap => Kind::EntryGap,
            Outcome::Stored | Outcome::Already => return None,
        };
        let EntryOutcome { writer, seq, .. } = entry;
        Some(kind.detail(format!("position {seq} of writer {writer}")))
    });
    match refused {
        None => Ok(api::Appended { entries }),
        Some(problem) => Err(Problem { entries, ..problem }),
    }
}

fn put_outcome(put: Put) -> Outcome {
    match put {
        Put::Stored => Outcome::Stored,
        Put::Already => Outcome::Already,
        Put::Conflict => Outcome::Conflict,
    }
}

fn check_len(len: usize) -> Result<()> {
    match len {
        0 => Err(Kind::InvalidBody.detail("there are no entries in the body")),
        1..=ENTRIES_LEN_MAX => Ok(()),
        _ => {
            Err(Kind::TooManyEntries
                .detail(format!("a request has at most {ENTRIES_LEN_MAX} entries")))
        }
    }
}

/// Whether an element may be the identity.
#[derive(Clone, Copy)]
enum Identity {
    Allowed,
    Refused,
}

/// Decodes the named elements of the entry at `index`.
fn check_elements(book: &Book, index: usize, elements: &[(&str, &Base64, Identity)]) -> Result<()> {
    for (name, Base64(bytes), identity) in elements {
        let check = CheckElement(bytes, *identity);
        book.suite.dispatch(check).map_err(|error| {
            Kind::BadElement.detail(format!("entries[{index}].{name}: {error}"))
        })?;
    }
    Ok(())
}

struct CheckElement<'a>(&'a [u8], Identity);

impl SuiteVisitor for CheckElement<'_> {
    type Output = std::result::Result<(), DecodeError>;
    fn visit<S: Ciphersuite>(self) -> Self::Output {
        match self.1 {
            Identity::Allowed => S::Group::decode(self.0),
            Identity::Refused => S::Group::decode_non_identity(self.0),
        }
        .map(|_| ())
    }
}
