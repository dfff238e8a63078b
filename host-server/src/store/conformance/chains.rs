//! Checks of the chains of authenticated books, one request after the other.

use core_nostd::ids::{BookId, Handle, WriterId};

use super::{
    ALREADY, CONFLICT, STORED, WORKS, append_new, chain, entry, random, read_chain, some_account,
    some_book, some_writer,
};
use crate::{
    ledger::{Body, Stored},
    store::{Appended, NextPlace, Store},
};

/// Entries are stored once, alone or in batches, and an overlap with what is there is noticed.
///
/// # Panics
/// If that is not so.
pub async fn check_append<S: Store>(store: &S) {
    let (book, writer) = (some_book(), some_writer());
    let entries = chain(book, writer, some_account(), 300);
    assert_eq!(store.append(&[]).await.expect(WORKS), []);
    append_new(store, &entries[..1]).await;
    append_new(store, &entries[1..5]).await;
    let later: Vec<_> = entries[..8]
        .iter()
        .map(|entry| Stored {
            arrived_ms: 0,
            ..entry.clone()
        })
        .collect();
    assert_eq!(store.append(&later[2..5]).await.expect(WORKS), [ALREADY; 3]);
    let outcomes = store.append(&later[4..8]).await.expect(WORKS);
    assert_eq!(outcomes, [ALREADY, STORED, STORED, STORED]);
    append_new(store, &entries[8..]).await;
    assert_eq!(
        store.append(&entries).await.expect(WORKS),
        vec![ALREADY; 300]
    );

    let expected = [&entries[..5], &later[5..], &entries[8..]].concat();
    assert_eq!(read_chain(store, &book, &writer).await, expected);
}

/// Gaps and other bytes at a taken position are refused, and nothing after them is stored.
///
/// # Panics
/// If that is not so.
pub async fn check_append_refusals<S: Store>(store: &S) {
    let (book, writer, account) = (some_book(), some_writer(), some_account());
    let entries = chain(book, writer, account, 10);
    assert_eq!(
        store.append(&entries[1..3]).await.expect(WORKS),
        [Appended::Gap(0); 2]
    );
    assert_eq!(store.heads(&book).await.expect(WORKS), []);
    append_new(store, &entries[..5]).await;
    assert_eq!(
        store.append(&entries[6..]).await.expect(WORKS),
        [Appended::Gap(5); 4]
    );
    let far = entry(book, writer, u64::MAX, account, None);
    assert_eq!(store.append(&[far]).await.expect(WORKS), [Appended::Gap(5)]);

    let mut forked = entries.clone();
    forked[3] = entry(book, writer, 3, account, Some(2));
    let gap = Appended::Gap(5);
    let outcomes = store.append(&forked[2..7]).await.expect(WORKS);
    assert_eq!(outcomes, [ALREADY, CONFLICT, gap, gap, gap]);
    for differing in differ_in_one_field(&entries[4]) {
        let outcomes = store
            .append(&[differing, entries[5].clone()])
            .await
            .expect(WORKS);
        assert_eq!(outcomes, [CONFLICT, gap]);
    }
    assert_eq!(read_chain(store, &book, &writer).await, entries[..5]);
    append_new(store, &entries[5..]).await;
}

/// Entries at the same position that are not the same.
fn differ_in_one_field(stored: &Stored) -> Vec<Stored> {
    let Body::Authenticated {
        account,
        prev,
        tag,
        account_tag,
    } = &stored.body
    else {
        panic!("an entry of an authenticated book")
    };
    let body = |account, prev, tag, account_tag| Stored {
        body: Body::Authenticated {
            account,
            prev,
            tag,
            account_tag,
        },
        ..stored.clone()
    };
    let element = || random::<32>().to_vec();
    vec![
        Stored {
            c1: element(),
            ..stored.clone()
        },
        Stored {
            c2: element(),
            ..stored.clone()
        },
        body(some_account(), *prev, tag.clone(), account_tag.clone()),
        body(*account, None, tag.clone(), account_tag.clone()),
        body(*account, *prev, element(), account_tag.clone()),
        body(*account, *prev, tag.clone(), element()),
    ]
}

/// Any piece of a chain can be read, and no other chain shows up in it.
///
/// # Panics
/// If that is not so.
pub async fn check_entries<S: Store>(store: &S) {
    let book = some_book();
    let writers = [WriterId([0; 16]), some_writer(), WriterId([0xff; 16])];
    let chains = writers.map(|writer| chain(book, writer, some_account(), 20));
    for entries in &chains {
        append_new(store, entries).await;
    }
    for (writer, entries) in writers.iter().zip(&chains) {
        for (from, limit) in [(0, 20), (0, 1), (19, 1), (5, 7), (15, 99), (20, 1), (3, 0)] {
            let expected: Vec<_> = entries.iter().skip(from).take(limit).cloned().collect();
            let from = u64::try_from(from).expect("a small number");
            let found = store
                .entries(&book, writer, from, limit)
                .await
                .expect(WORKS);
            assert_eq!(found, expected);
        }
        let beyond = store
            .entries(&book, writer, u64::MAX, usize::MAX)
            .await
            .expect(WORKS);
        assert_eq!(beyond, []);
    }
    assert_eq!(read_chain(store, &book, &some_writer()).await, []);
    assert_eq!(read_chain(store, &some_book(), &writers[1]).await, []);
}

/// Values at the ends of their range come back as they went in: the largest elements, odd links
/// that a writer signed, arrival times that only a broken clock gives.
///
/// # Panics
/// If that is not so.
pub async fn check_extreme_values<S: Store>(store: &S) {
    let (book, writer, account) = (some_book(), some_writer(), some_account());
    let mut entries: Vec<_> = [None, Some(0), Some(7), Some(1 << 63), Some(u64::MAX)]
        .into_iter()
        .zip(0..)
        .map(|(prev, seq)| entry(book, writer, seq, account, prev))
        .collect();
    for (entry, len) in entries.iter_mut().zip([384, 256, 32, 1, 0]) {
        (entry.c1, entry.c2) = (vec![0; len], vec![0xff; len]);
    }
    entries[1].arrived_ms = u64::MAX;
    entries[2].arrived_ms = 0;
    entries[3].arrived_ms = 1 << 63;
    append_new(store, &entries).await;
    assert_eq!(store.append(&entries).await.expect(WORKS), [ALREADY; 5]);
    assert_eq!(read_chain(store, &book, &writer).await, entries);
    assert_eq!(
        store
            .account_entries(&book, &account, &[])
            .await
            .expect(WORKS),
        entries
    );
}

/// The end of every chain of a book, by writer.
///
/// # Panics
/// If it is wrong.
pub async fn check_heads<S: Store>(store: &S) {
    let book = some_book();
    let mut writers = vec![WriterId([0xff; 16]), WriterId([0; 16])];
    writers.extend((0..8).map(|_| some_writer()));
    let mut expected = Vec::new();
    for (writer, len) in writers.iter().zip([1, 2, 300, 4, 5, 1, 17, 2, 9, 3]) {
        append_new(store, &chain(book, *writer, some_account(), len)).await;
        expected.push((*writer, len));
    }
    for neighbour in neighbours(&book) {
        append_new(store, &chain(neighbour, writers[2], some_account(), 1)).await;
    }
    expected.sort_unstable();
    assert_eq!(store.heads(&book).await.expect(WORKS), expected);
    assert_eq!(store.heads(&some_book()).await.expect(WORKS), []);
}

/// Books whose identifiers lie right beside this one.
fn neighbours(book: &BookId) -> [BookId; 2] {
    let (mut below, mut above) = (*book, *book);
    below.0[31] = book.0[31].wrapping_sub(1);
    above.0[31] = book.0[31].wrapping_add(1);
    [below, above]
}

/// The next position of a chain, and the account's last one in this chain alone.
///
/// # Panics
/// If either is wrong.
pub async fn check_next_place<S: Store>(store: &S) {
    let (book, writer, other_writer) = (some_book(), some_writer(), some_writer());
    let (account, busy, idle) = (some_account(), some_account(), some_account());
    let place = async |writer, account| {
        let NextPlace { next_seq, prev } =
            store.next_place(&book, writer, account).await.expect(WORKS);
        (next_seq, prev)
    };
    assert_eq!(place(&writer, &account).await, (0, None));
    let entries = [
        entry(book, writer, 0, account, None),
        entry(book, writer, 1, busy, None),
        entry(book, writer, 2, account, Some(0)),
        entry(book, writer, 3, busy, Some(1)),
    ];
    append_new(store, &entries).await;
    append_new(store, &chain(book, other_writer, busy, 9)).await;
    append_new(store, &chain(some_book(), writer, account, 9)).await;
    assert_eq!(place(&writer, &account).await, (4, Some(2)));
    assert_eq!(place(&writer, &busy).await, (4, Some(3)));
    assert_eq!(place(&writer, &idle).await, (4, None));
    assert_eq!(place(&other_writer, &account).await, (9, None));
    assert_eq!(place(&other_writer, &busy).await, (9, Some(8)));
    assert_eq!(place(&some_writer(), &busy).await, (0, None));
}

/// All entries of an account, by writer, then position, and none of any other.
///
/// # Panics
/// If that is not so.
pub async fn check_account_entries<S: Store>(store: &S) {
    let book = some_book();
    let (account, other) = (some_account(), some_account());
    let mut writers = [
        some_writer(),
        some_writer(),
        WriterId([0; 16]),
        WriterId([0xff; 16]),
    ];
    let mut expected = Vec::new();
    writers.sort_unstable();
    for writer in writers {
        // A writer may sign a link to the wrong entry; it is kept and read like any other.
        let entries = [
            entry(book, writer, 0, other, None),
            entry(book, writer, 1, account, None),
            entry(book, writer, 2, account, Some(1)),
            entry(book, writer, 3, other, Some(0)),
            entry(book, writer, 4, account, Some(2)),
            entry(book, writer, 5, account, Some(3)),
            entry(book, writer, 6, account, None),
        ];
        append_new(store, &entries).await;
        let of_account = entries
            .into_iter()
            .filter(|entry| entry.account() == Some(&account));
        expected.extend(of_account);
    }
    append_new(store, &chain(some_book(), writers[1], account, 3)).await;
    let entries = async |account: &Handle, after: &[(WriterId, u64)]| {
        let entries = store.account_entries(&book, account, after).await;
        entries.expect(WORKS)
    };
    assert_eq!(entries(&account, &[]).await, expected);
    assert_eq!(entries(&some_account(), &[]).await, []);
    for last in [0, 1, 3, 4, 6, u64::MAX] {
        let after = [(writers[0], last), (writers[2], 2), (writers[3], 6)];
        let is_after = |entry: &&Stored| {
            let last = after.iter().find(|(writer, _)| *writer == entry.writer);
            last.is_none_or(|(_, last)| entry.seq > *last)
        };
        let rest: Vec<_> = expected.iter().filter(is_after).cloned().collect();
        assert_eq!(entries(&account, &after).await, rest, "after {last}");
    }
}
