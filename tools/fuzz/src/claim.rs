//! Claims: what a server says a sum is the sum of.

use std::sync::LazyLock;

use core_nostd::{
    book::{BookKind, BookRules},
    ciphersuite::{Ristretto255Sha512 as Suite, SuiteId},
    group::{Group, ristretto255::Ristretto255},
    ids::{Handle, Place, WriterId},
    keys::{Nonce, RootSeed},
    tag::{Cut, LastPosition, Range, TaggedSum},
    wire::{self, PerWriter, Request},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::{suite, without_heap};

/// A request to open a total or a balance. Its claim verifies if and only if it is the genuine one
/// of its kind. Writers with nothing in the sum may be added to it, and the MAC of a cut at 0 may
/// be anything: neither says anything.
pub fn claim(data: &[u8]) -> bool {
    let request = without_heap(|| wire::decode::<Request<'_>>(data));
    let (sum, outcome, is_genuine) = match &request {
        Some(Request::ReleaseTotal {
            book,
            ranges,
            c1,
            c2,
            tag,
        }) => {
            let Ok(sum) = TaggedSum::<Suite>::from_bytes(c1, c2, tag) else {
                return false;
            };
            let keys = RootSeed::from_bytes(&SEED).shared_keys();
            let outcome = without_heap(|| keys.verify_total(book, ranges, &sum));
            (sum, outcome.is_ok(), same_total(&request, ranges))
        }
        Some(Request::ReleaseBalance {
            book,
            account,
            last,
            c1,
            c2,
            account_tag,
        }) => {
            let Ok(sum) = TaggedSum::<Suite>::from_bytes(c1, c2, account_tag) else {
                return false;
            };
            let keys = RootSeed::from_bytes(&SEED).shared_keys();
            let outcome = without_heap(|| keys.verify_balance(book, account, last, &sum));
            (sum, outcome.is_ok(), same_balance(&request, last))
        }
        _ => return false,
    };
    assert_eq!(outcome, is_genuine);
    assert_ne!(sum.ciphertext.c1, Ristretto255::identity());
    outcome
}

const SEED: [u8; 32] = [7; 32];

/// The genuine claims, of a total and of a balance.
pub(crate) static GENUINE: LazyLock<[Vec<u8>; 2]> = LazyLock::new(make);

fn same_total(request: &Option<Request<'_>>, ranges: &[Range]) -> bool {
    let bare = ranges
        .iter()
        .filter(|range| range.from.position != range.to.position);
    let bare = bare.map(|range| Range {
        from: bare_cut(range.from),
        to: bare_cut(range.to),
        ..*range
    });
    let mut request = request.clone();
    if let Some(Request::ReleaseTotal { ranges, .. }) = &mut request {
        *ranges = bare.collect();
    }
    is_ordered(ranges.iter().map(|range| range.writer))
        && ranges.iter().all(has_genuine_cuts)
        && request == wire::decode(&GENUINE[0])
}

fn same_balance(request: &Option<Request<'_>>, last: &[LastPosition]) -> bool {
    let mut request = request.clone();
    if let Some(Request::ReleaseBalance { last: bare, .. }) = &mut request {
        bare.retain(|last| last.seq.is_some());
    }
    is_ordered(last.iter().map(|last| last.writer)) && request == wire::decode(&GENUINE[1])
}

fn is_ordered(writers: impl Iterator<Item = WriterId>) -> bool {
    writers.is_sorted_by(|one, next| one < next)
}

/// Position 0 needs no MAC.
fn bare_cut(cut: Cut) -> Cut {
    match cut.position {
        0 => Cut::START,
        _ => cut,
    }
}

/// Whether both ends were cut by the writer, which nobody but a fuzzer with the keys can know.
fn has_genuine_cuts(range: &Range) -> bool {
    let keys = RootSeed::from_bytes(&SEED).shared_keys();
    let book = rules().id();
    [range.from, range.to].into_iter().all(|cut| {
        cut.position == 0 || cut == keys.cut::<Suite>(&book, &range.writer, cut.position)
    })
}

fn make() -> [Vec<u8>; 2] {
    let (seed, book) = (RootSeed::from_bytes(&SEED), rules().id());
    let (keys, key) = (seed.shared_keys(), seed.secret_key::<Suite>(&book));
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let (writers, account) = ([1, 2].map(|w| WriterId([w; 16])), Handle([0xAC; 32]));
    let mut total = TaggedSum::<Suite>::zero();
    let mut balance = TaggedSum::<Suite>::zero();
    for writer in writers {
        for (seq, minor) in [(0, 1250), (1, -300), (2, 5)] {
            let place = Place {
                book,
                writer,
                seq,
                account,
                prev: seq.checked_sub(1),
            };
            let amount = rules().admit(minor).expect("below the cap");
            let entry = keys.entry(&key, &place, amount, Nonce::random(&mut rng));
            total = total + entry.total_part();
            balance = balance + entry.balance_part();
        }
    }
    let ranges = writers.map(|writer| Range {
        writer,
        from: Cut::START,
        to: keys.cut::<Suite>(&book, &writer, 3),
    });
    let last = writers.map(|writer| LastPosition {
        writer,
        seq: Some(2),
    });
    let (c1, c2) = total.ciphertext.to_bytes();
    let total = Request::ReleaseTotal {
        book,
        ranges: PerWriter::from_slice(&ranges).expect("few writers"),
        c1: &c1,
        c2: &c2,
        tag: &Ristretto255::encode(&total.tag),
    };
    let balance = Request::ReleaseBalance {
        book,
        account,
        last: PerWriter::from_slice(&last).expect("few writers"),
        c1: &c1,
        c2: &c2,
        account_tag: &Ristretto255::encode(&balance.tag),
    };
    [total, balance].map(|claim| postcard::to_allocvec(&claim).expect("it can be encoded"))
}

fn rules() -> BookRules<'static> {
    suite::rules(SuiteId::Ristretto255, BookKind::Authenticated)
}
