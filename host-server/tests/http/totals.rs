//! `…/total` and `…/balance`, verified with the keys as a token verifies them.

use std::{sync::Barrier, thread};

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, Ffdhe2048Sha512, Ristretto255Sha512},
    ciphertext::Ciphertext,
    group::Group,
    ids::{Handle, WriterId},
    keys::Nonce,
    tag::{Cut, LastPosition, Range, TaggedSum},
};
use host_api as api;

use crate::fixtures::{Keys, Server, Writer, account, append, book, rng};

/// Verifies a total as a token does, and that it opens to `minor`.
#[track_caller]
fn check_total<S: Ciphersuite>(keys: &Keys<S>, total: &api::Total, minor: i64) {
    let end = |end: &api::RangeEnd| Cut {
        position: end.position,
        mac: end
            .mac
            .as_ref()
            .map_or([0; 16], |mac| mac.0[..].try_into().expect("16 bytes")),
    };
    let range = |range: &api::Range| Range {
        writer: WriterId::from_hex(&range.writer).expect("a writer"),
        from: end(&range.from),
        to: end(&range.to),
    };
    let ranges: Vec<Range> = total.ranges.iter().map(range).collect();
    let tag = total.tag.as_ref().expect("an authenticated book");
    let sum = TaggedSum::<S>::from_bytes(&total.c1.0, &total.c2.0, &tag.0).expect("decodes");
    assert_eq!(
        keys.shared.verify_total(&keys.id, &ranges, &sum),
        Ok(total.count)
    );
    assert_eq!(total.bound, (total.count * keys.book.cap).to_string());
    assert_opens(keys, &sum.ciphertext, minor);
}

/// Verifies a balance as a token does, and that it opens to `minor`.
#[track_caller]
fn check_balance<S: Ciphersuite>(keys: &Keys<S>, balance: &api::Balance, minor: i64) {
    let last = |last: &api::LastPosition| LastPosition {
        writer: WriterId::from_hex(&last.writer).expect("a writer"),
        seq: last.seq,
    };
    let last: Vec<LastPosition> = balance.last.iter().map(last).collect();
    let of = Handle::from_hex(&balance.account).expect("an account");
    let sum = TaggedSum::<S>::from_bytes(&balance.c1.0, &balance.c2.0, &balance.account_tag.0);
    let sum = sum.expect("decodes");
    assert_eq!(
        keys.shared.verify_balance(&keys.id, &of, &last, &sum),
        Ok(())
    );
    assert_opens(keys, &sum.ciphertext, minor);
}

#[track_caller]
fn assert_opens<S: Ciphersuite>(keys: &Keys<S>, sum: &Ciphertext<S>, minor: i64) {
    assert_eq!(
        keys.secret.decrypt_to_element(sum),
        S::Group::mul_base_i64(minor)
    );
}

fn post_and_cut<S: Ciphersuite>(
    server: &Server,
    keys: &Keys<S>,
    writer: &mut Writer,
    amounts: &[i64],
) {
    let entries = append(writer.entries(keys, amounts));
    assert_eq!(server.post(&keys.path("/entries"), &entries).status, 200);
    assert_eq!(
        server.post(&keys.path("/cuts"), &writer.cut(keys)).status,
        201
    );
}

#[test]
fn totals_between_cuts_verify_and_open() {
    let server = Server::start();
    let keys = book(&server);
    let (mut one, mut two) = (Writer::new(1), Writer::new(2));
    post_and_cut(&server, &keys, &mut one, &[100, -30, 7, 0, 1]);
    post_and_cut(&server, &keys, &mut two, &[1000, 2000, 3000, -1]);
    post_and_cut(&server, &keys, &mut one, &[5, 5, 5, 5]);
    // Behind the last cut: in no total.
    server.post(&keys.path("/entries"), &append(one.entries(&keys, &[999])));

    let total = |query: &str| server.get(&keys.path(&format!("/total{query}")));
    check_total(&keys, &total("").ok(), 78 + 5999 + 20);
    check_total(&keys, &total("?to=1").ok(), 78 + 5999);
    check_total(&keys, &total("?from=0&to=2").ok(), 78 + 5999 + 20);
    let second: api::Total = total("?from=1").ok();
    check_total(&keys, &second, 20);
    assert_eq!(second.count, 4);
    assert_eq!(
        second.ranges.len(),
        2,
        "the second writer contributes nothing, and it is said"
    );
    total("?from=2").problem(404, "nothing-to-sum");
    total("?to=0").problem(404, "nothing-to-sum");
    total("?from=2&to=1").problem(404, "nothing-to-sum");
}

#[test]
fn a_time_means_the_latest_cut_not_after_it() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    post_and_cut(&server, &keys, &mut writer, &[1, 2, 3, 4]);
    let total = |query: &str| server.get(&keys.path(&format!("/total{query}")));
    check_total(&keys, &total("?to=2999-01-01T00:00:00Z").ok(), 10);
    check_total(&keys, &total("?from=1999-01-01T00:00:00%2B02:00").ok(), 10);
    total("?to=1999-01-01T00:00:00Z").problem(404, "nothing-to-sum");
    total("?from=2999-01-01T00:00:00Z").problem(404, "nothing-to-sum");
    total("?to=tomorrow").problem(400, "bad-query");
    total("?to=-1").problem(400, "bad-query");
    total("?until=1").problem(400, "bad-query");
}

#[test]
fn a_book_without_cuts_has_no_total() {
    let server = Server::start();
    let keys = book(&server);
    server
        .get(&keys.path("/total"))
        .problem(404, "nothing-to-sum");
    server.post(
        &keys.path("/entries"),
        &append(Writer::new(1).entries(&keys, &[1])),
    );
    server
        .get(&keys.path("/total"))
        .problem(404, "nothing-to-sum");
}

#[test]
fn more_chains_than_a_token_takes_are_refused_and_empty_ones_do_not_count() {
    let server = Server::start();
    let keys = book(&server);
    for number in 1..=16 {
        post_and_cut(&server, &keys, &mut Writer::new(number), &[1, 1, 1, 1]);
    }
    server.post(
        &keys.path("/entries"),
        &append(Writer::new(17).entries(&keys, &[1])),
    );
    let total: api::Total = server.get(&keys.path("/total")).ok();
    check_total(&keys, &total, 64);
    assert_eq!(total.ranges.len(), 16);
    post_and_cut(&server, &keys, &mut Writer::new(18), &[1, 1, 1, 1]);
    server
        .get(&keys.path("/total"))
        .problem(409, "too-many-writers");
    let path = format!("/accounts/{}/balance", account(1));
    server
        .get(&keys.path(&path))
        .problem(409, "too-many-writers");
}

#[test]
fn a_balance_is_of_the_whole_history_over_all_chains() {
    let server = Server::start();
    let keys = book(&server);
    let (mut one, mut two) = (Writer::new(1), Writer::new(2));
    let path = keys.path(&format!("/accounts/{}/balance", account(3)));
    server.get(&path).problem(404, "nothing-to-sum");
    let mut entries = Vec::new();
    for amount in [50_000, -12_500, 1] {
        entries.push(one.entry(&keys, account(3), amount));
        entries.push(one.entry(&keys, account(4), 77));
        entries.push(two.entry(&keys, account(3), amount * 2));
    }
    server.post(&keys.path("/entries"), &append(entries));
    let balance: api::Balance = server.get(&path).ok();
    check_balance(&keys, &balance, 3 * 37_501);
    assert_eq!((balance.count, balance.last.len()), (6, 2));
}

#[test]
fn more_than_a_page_is_summed() {
    let server = Server::start();
    let keys = book(&server);
    let mut writer = Writer::new(1);
    let amounts: Vec<i64> = (0..1300).map(|i| (i * 7919) % 1000 - 400).collect();
    post_and_cut(&server, &keys, &mut writer, &amounts);
    let minor = amounts.iter().sum();
    check_total(&keys, &server.get(&keys.path("/total")).ok(), minor);
    let path = format!("/accounts/{}/balance", account(1));
    check_balance(&keys, &server.get(&keys.path(&path)).ok(), minor);
}

#[test]
fn sums_under_concurrent_writers_are_of_exactly_what_they_claim() {
    let server = Server::start();
    let keys = book(&server);
    let writers = 3;
    let begin = Barrier::new(usize::from(writers) + 1);
    thread::scope(|scope| {
        for number in 1..=writers {
            let (server, keys, begin) = (&server, &keys, &begin);
            scope.spawn(move || {
                let mut writer = Writer::new(number);
                begin.wait();
                for round in 0..12 {
                    post_and_cut(server, keys, &mut writer, &[round, -round, 10, 1]);
                }
            });
        }
        begin.wait();
        let mut counts = Vec::new();
        while counts.last() != Some(&(u64::from(writers) * 48)) {
            let reply = server.get(&keys.path("/total"));
            if reply.status == 404 {
                continue;
            }
            let total: api::Total = reply.ok();
            let rounds = i64::try_from(total.count).expect("small") / 4;
            check_total(&keys, &total, rounds * 11);
            let balance: api::Balance = server
                .get(&keys.path(&format!("/accounts/{}/balance", account(1))))
                .ok();
            let last: u64 = balance
                .last
                .iter()
                .filter_map(|last| last.seq)
                .map(|s| s + 1)
                .sum();
            assert_eq!(last, balance.count);
            check_balance(&keys, &balance, balance_of(&balance));
            counts.push(total.count);
        }
        assert!(counts.is_sorted(), "a total never forgets: {counts:?}");
    });
}

/// What the entries up to the last positions come to, in the pattern of the test above.
fn balance_of(balance: &api::Balance) -> i64 {
    let chain = |last: &api::LastPosition| -> i64 {
        let len = last.seq.expect("stated") + 1;
        let amount = |seq: u64| {
            let round = i64::try_from(seq / 4).expect("small");
            [round, -round, 10, 1][usize::try_from(seq % 4).expect("small")]
        };
        (0..len).map(amount).sum()
    };
    balance.last.iter().map(chain).sum()
}

#[test]
fn an_authenticated_book_in_a_finite_field_suite_sums_and_verifies() {
    let server = Server::start();
    let keys = Keys::<Ffdhe2048Sha512>::new("f", BookKind::Authenticated).create(&server);
    post_and_cut(&server, &keys, &mut Writer::new(1), &[300, -100, 20, 3]);
    check_total(&keys, &server.get(&keys.path("/total")).ok(), 223);
}

#[test]
fn any_range_of_an_open_book_is_summed() {
    check_open_book::<Ristretto255Sha512>();
    check_open_book::<Ffdhe2048Sha512>();
}

fn check_open_book<S: Ciphersuite>() {
    let server = Server::start();
    let keys = Keys::<S>::new("open", BookKind::Open).create(&server);
    let entry = |(index, minor): (u8, i64)| {
        let nonce = Nonce::random(&mut rng(u64::from(index)));
        let (c1, c2) = keys.secret.public_key().encrypt(minor, nonce).to_bytes();
        api::OpenEntry {
            entry: hex::encode([index; 16]),
            c1: c1.as_ref().into(),
            c2: c2.as_ref().into(),
        }
    };
    let entries = [(0, 1), (1, 20), (2, -300), (3, 4000)].map(entry).to_vec();
    assert_eq!(
        server.post(&keys.path("/entries"), &append(entries)).status,
        200
    );
    let total = |query: &str| server.get(&keys.path(&format!("/total{query}")));
    for (query, minor, count) in [
        ("", 3721, 4),
        ("?from=1", 3720, 3),
        ("?from=1&to=3", -280, 2),
        ("?to=99", 3721, 4),
    ] {
        let total: api::Total = total(query).ok();
        let sum = Ciphertext::<S>::from_bytes(&total.c1.0, &total.c2.0).expect("decodes");
        assert_opens(&keys, &sum, minor);
        assert_eq!((total.count, total.tag), (count, None));
        assert!(total.ranges.iter().all(|range| range.to.mac.is_none()));
    }
    total("?from=4").problem(404, "nothing-to-sum");
    total("?from=3&to=2").problem(404, "nothing-to-sum");
    total("?to=2026-01-01T00:00:00Z").problem(409, "wrong-kind");
}
