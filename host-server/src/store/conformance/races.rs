//! Checks of what many requests at once may do to each other: nothing.

use std::collections::BTreeMap;

use core_nostd::{book::BookKind, ciphersuite::SuiteId};
use futures_util::future::{join, join_all};

use super::{
    ALREADY, CONFLICT, STORED, WORKS, append_new, chain, entry, new_book, open_entry, random,
    read_chain, records::now_ms, some_account, some_book, some_writer,
};
use crate::{
    ledger::{Account, Body, ChainCut},
    store::{Appended, Intent, Put, Store},
};

const RIVALS: usize = 8;

/// What was acknowledged is in every read that begins afterwards.
///
/// # Panics
/// If something is missing.
pub async fn check_reads_see_acknowledged<S: Store>(store: &S) {
    let (book, writer, account) = (some_book(), some_writer(), some_account());
    let entries = chain(book, writer, account, 20);
    for (stored, seq) in entries.iter().zip(0..) {
        append_new(store, std::slice::from_ref(stored)).await;
        assert_eq!(store.heads(&book).await.expect(WORKS), [(writer, seq + 1)]);
        let place = store
            .next_place(&book, &writer, &account)
            .await
            .expect(WORKS);
        assert_eq!((place.next_seq, place.prev), (seq + 1, Some(seq)));
        let last = store.entries(&book, &writer, seq, 9).await.expect(WORKS);
        assert_eq!(last, std::slice::from_ref(stored));
        let of_account = store
            .account_entries(&book, &account, &[])
            .await
            .expect(WORKS);
        assert_eq!(of_account.last(), Some(stored));
    }
}

/// A read while others write sees the ledger as it was at one moment.
///
/// # Panics
/// If it sees two moments at once.
pub async fn check_reads_are_snapshots<S: Store>(store: &S) {
    let (book, account) = (some_book(), some_account());
    // One after the other, in the order of their identifiers and against it.
    let (first, second) = (some_writer(), some_writer());
    let chains = [first, second].map(|writer| chain(book, writer, account, 60));
    let write = async {
        for (one, other) in chains[0].iter().zip(&chains[1]) {
            append_new(store, std::slice::from_ref(one)).await;
            append_new(store, std::slice::from_ref(other)).await;
        }
    };
    let read = async {
        loop {
            let place = store
                .next_place(&book, &first, &account)
                .await
                .expect(WORKS);
            assert_eq!(place.prev, place.next_seq.checked_sub(1));
            let entries = store
                .account_entries(&book, &account, &[])
                .await
                .expect(WORKS);
            let (of_first, of_second): (Vec<_>, Vec<_>) =
                entries.into_iter().partition(|entry| entry.writer == first);
            assert_eq!(of_first, chains[0][..of_first.len()]);
            assert_eq!(of_second, chains[1][..of_second.len()]);
            let ahead = of_first.len() - of_second.len();
            assert!(ahead <= 1, "one chain is {ahead} entries ahead");
            let heads: BTreeMap<_, _> =
                store.heads(&book).await.expect(WORKS).into_iter().collect();
            let len = |writer| heads.get(&writer).copied().unwrap_or(0);
            assert!(len(first) - len(second) <= 1, "{heads:?}");
            if of_second.len() == chains[1].len() {
                break;
            }
        }
    };
    join(write, join(read, read_prefixes(store, &chains[0]))).await;
}

/// Reads a chain while it grows to `entries`: always its beginning, never with a gap.
async fn read_prefixes<S: Store>(store: &S, entries: &[crate::ledger::Stored]) {
    loop {
        let found = read_chain(store, &entries[0].book, &entries[0].writer).await;
        assert_eq!(found, entries[..found.len()]);
        if found.len() == entries.len() {
            break;
        }
    }
}

/// Of several hosts with different entries for the same positions, one gets its chain through.
///
/// # Panics
/// If not exactly one does.
pub async fn check_racing_appends<S: Store>(store: &S) {
    for len in [1, 2, 50] {
        let (book, writer) = (some_book(), some_writer());
        let rivals: Vec<_> = (0..RIVALS)
            .map(|_| chain(book, writer, some_account(), len))
            .collect();
        let outcomes = join_all(rivals.iter().map(|entries| store.append(entries))).await;
        let outcomes: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| outcome.expect(WORKS))
            .collect();
        let winners: Vec<_> = (0..RIVALS)
            .filter(|rival| outcomes[*rival][0] == STORED)
            .collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        for (rival, outcomes) in outcomes.iter().enumerate() {
            if rival == winners[0] {
                assert!(
                    outcomes.iter().all(|outcome| *outcome == STORED),
                    "{outcomes:?}"
                );
            } else {
                assert_eq!(outcomes[0], CONFLICT);
                let gap = |outcome: &Appended| matches!(outcome, Appended::Gap(1..));
                assert!(outcomes[1..].iter().all(gap), "{outcomes:?}");
            }
        }
        assert_eq!(read_chain(store, &book, &writer).await, rivals[winners[0]]);
    }
}

/// The same entries from several hosts are stored once.
///
/// # Panics
/// If one is lost, doubled, refused or stored for nobody.
pub async fn check_racing_equal_appends<S: Store>(store: &S) {
    let (book, writer) = (some_book(), some_writer());
    let entries = chain(book, writer, some_account(), 60);
    // Each in pieces of another size.
    let host = async |piece_len: usize| {
        let mut outcomes = Vec::new();
        for piece in entries.chunks(piece_len) {
            outcomes.extend(store.append(piece).await.expect(WORKS));
        }
        outcomes
    };
    let outcomes = join_all((1..=RIVALS).map(|host_number| host(host_number * 3))).await;
    for seq in 0..entries.len() {
        let of_seq: Vec<_> = outcomes.iter().map(|outcomes| outcomes[seq]).collect();
        let count = |outcome| of_seq.iter().filter(|found| **found == outcome).count();
        assert_eq!(
            (count(STORED), count(ALREADY)),
            (1, RIVALS - 1),
            "{seq}: {of_seq:?}"
        );
    }
    assert_eq!(read_chain(store, &book, &writer).await, entries);
}

/// Hosts that each read the next position and try to fill it fill every position once.
///
/// # Panics
/// If a position has no winner or two.
pub async fn check_racing_writers<S: Store>(store: &S) {
    let (book, writer) = (some_book(), some_writer());
    let host = async || {
        let account = some_account();
        let mut won = Vec::new();
        for _ in 0..10 {
            let place = store
                .next_place(&book, &writer, &account)
                .await
                .expect(WORKS);
            assert_eq!(
                place.prev,
                won.last().map(|entry: &crate::ledger::Stored| entry.seq)
            );
            let mine = entry(book, writer, place.next_seq, account, place.prev);
            match store
                .append(std::slice::from_ref(&mine))
                .await
                .expect(WORKS)[..]
            {
                [STORED] => won.push(mine),
                [CONFLICT] => {}
                ref outcomes => panic!("{outcomes:?}"),
            }
        }
        won
    };
    let mut won = join_all((0..RIVALS).map(|_| host())).await.concat();
    won.sort_by_key(|entry| entry.seq);
    assert_eq!(read_chain(store, &book, &writer).await, won);
}

/// Open entries from many clients get positions without gaps, each identifier one.
///
/// # Panics
/// If that is not so.
pub async fn check_racing_open_appends<S: Store>(store: &S) {
    let (book, writer) = (some_book(), some_writer());
    let clients: Vec<Vec<_>> = (0..RIVALS)
        .map(|_| (0..12).map(|_| open_entry()).collect())
        .collect();
    let client = async |entries: &[_], pieces_len| {
        let mut outcomes = Vec::new();
        for piece in <[_]>::chunks(entries, pieces_len) {
            outcomes.extend(
                store
                    .append_open(&book, &writer, piece, 1)
                    .await
                    .expect(WORKS),
            );
        }
        outcomes
    };
    let outcomes = join_all(clients.iter().zip(1..).map(|(own, len)| client(own, len))).await;
    let mut positions: Vec<_> = outcomes.concat();
    positions.sort_by_key(|(seq, _)| *seq);
    let expected: Vec<_> = (0..96).map(|seq| (seq, Put::Stored)).collect();
    assert_eq!(positions, expected);

    let again = join_all(clients.iter().map(|own| client(own, 5))).await;
    for (again, before) in again.concat().into_iter().zip(outcomes.concat()) {
        assert_eq!(again, (before.0, Put::Already));
    }
    let same = [open_entry(), open_entry()];
    let outcomes = join_all((0..RIVALS).map(|_| client(&same, 2))).await;
    for (index, seq) in [(0, 96), (1, 97)] {
        assert!(
            outcomes.iter().all(|outcomes| outcomes[index].0 == seq),
            "{outcomes:?}"
        );
        let new = outcomes
            .iter()
            .filter(|outcomes| outcomes[index].1 == Put::Stored);
        assert_eq!(new.count(), 1, "{outcomes:?}");
    }
    assert_eq!(read_chain(store, &book, &writer).await.len(), 98);
}

/// Servers on one store get the same identifiers in other company and another order each, and some
/// of them again: each gets one position, and all servers name the same.
///
/// # Panics
/// If an identifier is stored twice or not at all, or is new to two servers or to none.
pub async fn check_racing_open_identifiers<S: Store>(servers: &[&S]) {
    let (book, writer) = (some_book(), some_writer());
    let entries: Vec<_> = (0..90).map(|_| open_entry()).collect();
    // Steps that are prime to the number of entries go through all of them.
    let post = async |(server, step): (&&S, usize)| {
        let order: Vec<_> = (0..110).map(|turn| turn * step % 90).collect();
        let mut told = Vec::new();
        for piece in order.chunks(2 + step % 13) {
            let posted: Vec<_> = piece.iter().map(|index| entries[*index].clone()).collect();
            let outcomes = server.append_open(&book, &writer, &posted, 1).await;
            told.extend(piece.iter().copied().zip(outcomes.expect(WORKS)));
        }
        told
    };
    let steps = [1, 7, 53, 89].into_iter().cycle();
    let told = join_all(servers.iter().zip(steps).map(post)).await.concat();
    let log = read_chain(*servers.first().expect("a server"), &book, &writer).await;
    assert_eq!(log.len(), entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let body = Body::Open { entry: entry.entry };
        let places: Vec<_> = log.iter().filter(|stored| stored.body == body).collect();
        assert_eq!(places.len(), 1, "{places:?}");
        let of_entry: Vec<_> = (told.iter().filter(|(of, _)| *of == index))
            .map(|(_, outcome)| *outcome)
            .collect();
        let count = |put| {
            let wanted = (places[0].seq, put);
            of_entry
                .iter()
                .filter(|outcome| **outcome == wanted)
                .count()
        };
        assert_eq!(
            (count(Put::Stored), count(Put::Already)),
            (1, of_entry.len() - 1),
            "{of_entry:?}"
        );
    }
}

/// Of several requests under one key the first decides.
///
/// # Panics
/// If two do.
pub async fn check_racing_records<S: Store>(store: &S) {
    let book = new_book(SuiteId::Ristretto255, BookKind::Open, "EUR");
    let id = book.id();
    let puts = join_all((0..RIVALS).map(|_| store.put_book(&book))).await;
    assert_one_stored(puts, Put::Already);

    let (handle, sealed_nid) = (some_account(), vec![1; 48]);
    let account = Account {
        book: id,
        handle,
        sealed_nid,
    };
    let puts = join_all((0..RIVALS).map(|_| store.put_account(&account))).await;
    assert_one_stored(puts, Put::Already);

    let writer = some_writer();
    let cut = |_| ChainCut {
        writer,
        position: 1,
        mac: random(),
        arrived_ms: 1,
    };
    let cuts: Vec<_> = (0..RIVALS).map(cut).collect();
    let puts = join_all(cuts.iter().map(|cut| store.put_cut(&id, cut))).await;
    assert_one_stored(puts, Put::Conflict);

    let texts: Vec<_> = (0..RIVALS)
        .map(|number| format!("{{\"n\":{number}}}"))
        .collect();
    let puts = join_all(texts.iter().map(|text| store.put_statement(&id, text))).await;
    assert!(puts.into_iter().all(|put| put.expect(WORKS) == Put::Stored));
    let mut found = store.statements(&id).await.expect(WORKS);
    found.sort_unstable();
    assert_eq!(found, texts);
    let puts = join_all((0..RIVALS).map(|_| store.put_statement(&id, "{}"))).await;
    assert_one_stored(puts, Put::Already);

    let key = format!("race {id}");
    let (request, begun_ms) = ([1; 32], now_ms());
    let intent = |expected_seq| Intent {
        book: id,
        writer,
        expected_seq,
        request,
        begun_ms,
    };
    let intents: Vec<_> = (0..8).map(intent).collect();
    let begun = join_all(intents.iter().map(|intent| store.begin(&key, intent))).await;
    let begun: Vec<_> = begun.into_iter().map(|kept| kept.expect(WORKS)).collect();
    assert!(begun.iter().all(|kept| *kept == begun[0]), "{begun:?}");
}

fn assert_one_stored(puts: Vec<crate::store::Result<Put>>, others: Put) {
    let puts: Vec<_> = puts.into_iter().map(|put| put.expect(WORKS)).collect();
    let count = |wanted| puts.iter().filter(|put| **put == wanted).count();
    assert_eq!(
        (count(Put::Stored), count(others)),
        (1, RIVALS - 1),
        "{puts:?}"
    );
}
