//! Checks of open books, where the store gives out positions.

use super::{WORKS, open_entry, random, read_chain, some_book, some_writer};
use crate::{
    ledger::{Body, OpenEntry, Stored},
    store::{Put, Store},
};

/// Every new identifier gets the next position, whatever became of the entries beside it; a known
/// one keeps its own.
///
/// # Panics
/// If that is not so.
pub async fn check_open_entries<S: Store>(store: &S) {
    let (book, writer) = (some_book(), some_writer());
    let mut entries: Vec<_> = (0..6).map(|_| open_entry()).collect();
    (entries[1].c1, entries[1].c2) = (vec![0xff; 384], vec![0; 384]);
    let forged = OpenEntry {
        c2: random::<32>().to_vec(),
        ..entries[1].clone()
    };
    let twice = [&entries[2..4], &entries[3..4], &entries[2..3]].concat();
    let mixed = [&entries[4..5], &[forged], &entries[..1], &entries[5..]].concat();
    let post = async |entries: &[OpenEntry], arrived_ms| {
        store
            .append_open(&book, &writer, entries, arrived_ms)
            .await
            .expect(WORKS)
    };
    use Put::{Already, Conflict, Stored as New};
    assert_eq!(post(&[], 1).await, []);
    assert_eq!(post(&entries[..2], 1).await, [(0, New), (1, New)]);
    assert_eq!(post(&entries[..2], 2).await, [(0, Already), (1, Already)]);
    assert_eq!(
        post(&twice, 3).await,
        [(2, New), (3, New), (3, Already), (2, Already)]
    );
    assert_eq!(
        post(&mixed, 4).await,
        [(4, New), (1, Conflict), (0, Already), (5, New)]
    );

    let arrivals = [1, 1, 3, 3, 4, 4];
    let expected: Vec<_> = entries
        .into_iter()
        .zip(arrivals)
        .zip(0..)
        .map(|((OpenEntry { entry, c1, c2 }, arrived_ms), seq)| Stored {
            book,
            writer,
            seq,
            c1,
            c2,
            body: Body::Open { entry },
            arrived_ms,
        })
        .collect();
    assert_eq!(read_chain(store, &book, &writer).await, expected);
    assert_eq!(store.heads(&book).await.expect(WORKS), [(writer, 6)]);
}

/// Two clients may choose the same identifier: it is theirs, not the book's.
///
/// # Panics
/// If they get into each other's way.
pub async fn check_open_identifiers_are_per_writer<S: Store>(store: &S) {
    let (book, other_book) = (some_book(), some_book());
    let (writer, other_writer) = (some_writer(), some_writer());
    let entry = open_entry();
    let namesake = OpenEntry {
        entry: entry.entry,
        ..open_entry()
    };
    for (book, writer, entry) in [
        (book, writer, &entry),
        (book, other_writer, &namesake),
        (other_book, writer, &namesake),
    ] {
        let entries = std::slice::from_ref(entry);
        let outcomes = store
            .append_open(&book, &writer, entries, 1)
            .await
            .expect(WORKS);
        assert_eq!(outcomes, [(0, Put::Stored)]);
        assert_eq!(read_chain(store, &book, &writer).await[0].c1, entry.c1);
    }
}
