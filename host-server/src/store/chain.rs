//! The rules of a chain, which every store applies to what it reads.

use std::collections::BTreeSet;

use core_nostd::ids::WriterId;

use super::{Appended, Put, Result, StoreError};
use crate::ledger::{Body, Stored};

/// Judges an append to a chain whose next position is `next`. `stored` are the chain's entries from
/// the position of the first of `entries` on, as many as there are, at most as many as `entries`.
///
/// Gives the outcomes, and those entries that are new and have to be stored.
pub fn judge<'a>(
    entries: &'a [Stored],
    next: u64,
    stored: &[Stored],
) -> (Vec<Appended>, &'a [Stored]) {
    let run = run_of(entries);
    let mut outcomes = Vec::with_capacity(entries.len());
    let mut new: &[Stored] = &[];
    let already = run
        .iter()
        .zip(stored)
        .take_while(|(entry, old)| entry.same(old))
        .count();
    outcomes.resize(already, Appended::Put(Put::Already));
    if already < run.len().min(stored.len()) {
        outcomes.push(Appended::Put(Put::Conflict));
    } else if run.first().is_some_and(|first| first.seq <= next) {
        new = &run[already..];
        outcomes.resize(run.len(), Appended::Put(Put::Stored));
    }
    let next = new.last().map_or(next, |last| last.seq + 1);
    outcomes.resize(entries.len(), Appended::Gap(next));
    (outcomes, new)
}

/// The longest beginning of `entries` that is a piece of one chain of an authenticated book.
fn run_of(entries: &[Stored]) -> &[Stored] {
    let follows = |first: &Stored, entry: &Stored, distance: u64| {
        (entry.book, entry.writer) == (first.book, first.writer)
            && first.seq.checked_add(distance) == Some(entry.seq)
            && entry.seq < u64::MAX
            && matches!(entry.body, Body::Authenticated { .. })
    };
    let len = entries
        .iter()
        .zip(0..)
        .take_while(|(entry, distance)| follows(&entries[0], entry, *distance))
        .count();
    &entries[..len]
}

/// Checks that entries read from a chain lie at `from`, `from + 1`, ….
pub fn check_contiguous(entries: &[Stored], from: u64) -> Result<()> {
    match entries
        .iter()
        .zip(from..)
        .find(|(entry, seq)| entry.seq != *seq)
    {
        None => Ok(()),
        Some((entry, seq)) => Err(StoreError::Damaged(format!(
            "book {}, writer {}: the entry at {seq} is missing, there is one at {}",
            entry.book, entry.writer, entry.seq
        ))),
    }
}

/// Of the entries of one account after those positions, each with the position it names as the
/// account's previous one, where that is not among them. A writer may have signed such a link, then
/// another account's entry stands there; else an entry of this account is lost.
pub fn loose_links<'a>(entries: &'a [Stored], after: &[(WriterId, u64)]) -> Vec<(&'a Stored, u64)> {
    let places: BTreeSet<_> = entries
        .iter()
        .map(|entry| (entry.writer, entry.seq))
        .collect();
    let link = |entry| match entry {
        &Stored {
            body: Body::Authenticated {
                prev: Some(prev), ..
            },
            seq,
            ..
        } if prev < seq => Some((entry, prev)),
        _ => None,
    };
    let is_before = |writer: &WriterId, seq: u64| {
        let last = after.iter().find(|(of, _)| of == writer);
        last.is_some_and(|(_, last)| seq <= *last)
    };
    let loose = |(entry, prev): &(&Stored, u64)| {
        !places.contains(&(entry.writer, *prev)) && !is_before(&entry.writer, *prev)
    };
    entries.iter().filter_map(link).filter(loose).collect()
}

/// Checks what was found where a loose link of `entry` points to.
pub fn check_loose_link(entry: &Stored, found: Option<&Stored>) -> Result<()> {
    match found {
        Some(found) if found.account() != entry.account() => Ok(()),
        _ => Err(StoreError::Damaged(format!(
            "book {}, writer {}: an entry of the account of the entry at {} is missing",
            entry.book, entry.writer, entry.seq
        ))),
    }
}

#[cfg(test)]
mod tests {
    use core_nostd::ids::{BookId, Handle, WriterId};

    use super::*;

    fn entry(seq: u64, account: u8, prev: Option<u64>) -> Stored {
        let account = Handle([account; 32]);
        let (book, writer) = (BookId([1; 32]), WriterId([2; 16]));
        let body = Body::Authenticated {
            account,
            prev,
            tag: vec![],
            account_tag: vec![],
        };
        Stored {
            book,
            writer,
            seq,
            c1: vec![],
            c2: vec![],
            body,
            arrived_ms: 0,
        }
    }

    #[test]
    fn a_missing_entry_is_noticed_and_named() {
        let entries = [entry(3, 0, None), entry(5, 0, None)];
        assert_eq!(check_contiguous(&entries[..1], 3), Ok(()));
        let error = check_contiguous(&entries, 3).expect_err("4 is missing");
        assert!(
            error.to_string().contains("the entry at 4 is missing"),
            "{error}"
        );
        check_contiguous(&entries, 2).expect_err("2 is missing");
    }

    #[test]
    fn links_are_loose_only_where_their_target_was_not_read() {
        let entries = [
            entry(0, 7, None),
            entry(3, 7, Some(0)),
            entry(6, 7, Some(5)),
        ];
        assert_eq!(loose_links(&entries, &[]), [(&entries[2], 5)]);
        let after = |seq| [(WriterId([2; 16]), seq)];
        assert_eq!(loose_links(&entries[1..], &after(0)), [(&entries[2], 5)]);
        assert_eq!(loose_links(&entries[2..], &after(5)), []);
        let odd = [entry(3, 7, Some(3)), entry(4, 7, Some(9))];
        assert_eq!(loose_links(&odd, &[]), []);
    }

    #[test]
    fn a_loose_link_may_lead_to_another_account_but_not_nowhere() {
        let from = entry(6, 7, Some(5));
        assert_eq!(check_loose_link(&from, Some(&entry(5, 8, None))), Ok(()));
        check_loose_link(&from, Some(&entry(5, 7, None))).expect_err("it should have been read");
        check_loose_link(&from, None).expect_err("it is lost");
    }

    #[test]
    fn an_append_ends_where_its_entries_stop_being_a_chain() {
        let strays = [entry(0, 7, None), entry(2, 7, None), entry(1, 7, None)];
        let (outcomes, new) = judge(&strays, 0, &[]);
        assert_eq!(new, &strays[..1]);
        let stored = Appended::Put(Put::Stored);
        assert_eq!(outcomes, [stored, Appended::Gap(1), Appended::Gap(1)]);
        let open = Stored {
            body: Body::Open { entry: [0; 16] },
            ..entry(0, 7, None)
        };
        assert_eq!(
            judge(&[open], 0, &[]),
            (vec![Appended::Gap(0)], [].as_slice())
        );
    }
}
