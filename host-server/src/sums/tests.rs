//! Sums against sums of exponents, on the model of a store.

use core_nostd::group::{Group, ristretto255::Ristretto255};

use super::*;
use crate::{ledger::Body, store::memory::MemoryStore};

const OF: Of = Of {
    book: BookId([1; 32]),
    suite: SuiteId::Ristretto255,
    is_tagged: true,
};
const LEN: u64 = 1300;

fn encode(exponent: u64) -> Vec<u8> {
    let exponent = i64::try_from(exponent).expect("a small number");
    Ristretto255::encode(&Ristretto255::mul_base_i64(exponent)).to_vec()
}

const WRITER: WriterId = writer(1);

const fn writer(number: u8) -> WriterId {
    WriterId([number; 16])
}

fn account(seq: u64) -> Handle {
    Handle([u8::try_from(seq % 3).expect("below 3"); 32])
}

/// An entry whose elements are known multiples of the generator.
fn entry(writer: WriterId, seq: u64) -> Stored {
    let body = Body::Authenticated {
        account: account(seq),
        prev: seq.checked_sub(3),
        tag: encode(seq * 3 + 2),
        account_tag: encode(seq * 5 + 7),
    };
    Stored {
        book: OF.book,
        writer,
        seq,
        c1: encode(seq + 1),
        c2: encode(seq * 2),
        body,
        arrived_ms: 0,
    }
}

/// What the entries at these positions add up to.
fn expected(positions: impl Iterator<Item = u64> + Clone, is_total: bool) -> Summand {
    let sum = |of: fn(u64) -> u64| encode(positions.clone().map(of).sum());
    Summand {
        c1: sum(|seq| seq + 1),
        c2: sum(|seq| seq * 2),
        tag: Some(match is_total {
            true => sum(|seq| seq * 3 + 2),
            false => sum(|seq| seq * 5 + 7),
        }),
    }
}

/// A store with a chain, and its sums.
async fn filled() -> (Arc<MemoryStore>, Sums<MemoryStore>) {
    let store = Arc::new(MemoryStore::new());
    let entries: Vec<_> = (0..LEN).map(|seq| entry(WRITER, seq)).collect();
    store.append(&entries).await.expect("stored");
    let sums = Sums::new(store.clone());
    (store, sums)
}

async fn total<S: Store>(sums: &Sums<S>, from: u64, to: u64) -> Option<Summand> {
    let span = Span {
        writer: WRITER,
        from,
        to,
    };
    sums.total(OF, &[span]).await.expect("a sum")
}

async fn checkpoints(store: &MemoryStore) -> Vec<u64> {
    let all = store.checkpoints(&OF.book, &WRITER, 0, usize::MAX);
    let all = all.await.expect("a list");
    all.iter().map(|checkpoint| checkpoint.through).collect()
}

#[tokio::test]
async fn every_range_is_the_sum_of_its_entries_whatever_was_asked_before() {
    let (store, sums) = filled().await;
    let ends = [0, 1, 511, 512, 513, 700, 1023, 1024, 1025, 1299, LEN];
    for from in ends.into_iter().rev() {
        for to in ends.into_iter().filter(|to| *to > from) {
            let expected = Some(expected(from..to, true));
            assert_eq!(total(&sums, from, to).await, expected, "{from} to {to}");
            let afresh = Sums::new(store.clone());
            assert_eq!(total(&afresh, from, to).await, expected, "{from} to {to}");
        }
        assert_eq!(total(&sums, from, from).await, None);
    }
    assert_eq!(checkpoints(&store).await, [512, 1024]);
}

#[tokio::test]
async fn chains_of_several_writers_add_up() {
    let (store, sums) = filled().await;
    let others: Vec<_> = (0..20).map(|seq| entry(writer(2), seq)).collect();
    store.append(&others).await.expect("stored");
    let span = |number, from, to| Span {
        writer: writer(number),
        from,
        to,
    };
    let spans = [span(1, 600, 1200), span(2, 0, 20), span(3, 0, 0)];
    let sum = sums.total(OF, &spans).await.expect("a sum");
    let positions = (600..1200).chain(0..20);
    assert_eq!(sum, Some(expected(positions, true)));
}

#[tokio::test]
async fn what_is_not_there_is_no_smaller_sum() {
    let (_, sums) = filled().await;
    for to in [LEN + 1, u64::MAX] {
        let span = Span {
            writer: WRITER,
            from: 0,
            to,
        };
        let error = sums.total(OF, &[span]).await.expect_err("it is not there");
        assert!(matches!(error, SumError::Store(StoreError::Damaged(_))));
    }
}

#[tokio::test]
async fn a_sum_is_of_the_checkpoint_below_and_a_wrong_one_is_noticed_when_it_is_made_again() {
    let (store, sums) = filled().await;
    let wrong = Checkpoint {
        book: OF.book,
        writer: WRITER,
        through: 1024,
        sum: expected(0..1000, true),
    };
    store
        .put_checkpoints(std::slice::from_ref(&wrong))
        .await
        .expect("kept");
    let believed = expected((0..1000).chain(1024..LEN), true);
    assert_eq!(
        total(&sums, 0, LEN).await,
        Some(believed),
        "no token opens that"
    );
    assert_eq!(total(&sums, 0, 600).await, Some(expected(0..600, true)));
    let span = Span {
        writer: WRITER,
        from: 0,
        to: 1023,
    };
    assert!(sums.total(OF, &[span]).await.is_ok());
    store.forget_sums(&OF.book).await.expect("forgotten");
    let afresh = Sums::new(store.clone());
    assert_eq!(total(&afresh, 0, LEN).await, Some(expected(0..LEN, true)));
    assert!(store.put_checkpoints(&[wrong]).await.is_err());
}

#[tokio::test]
async fn a_balance_is_the_kept_sum_and_what_followed() {
    let (store, sums) = filled().await;
    let of_one = |to: u64| (0..to).filter(|seq| account(*seq) == account(1));
    let read = async |to: u64| {
        let found = sums.balance(OF, &account(1)).await.expect("a sum");
        let found = found.expect("it has entries");
        assert_eq!(found.sum, expected(of_one(to), false));
        assert_eq!(found.count, of_one(to).count() as u64);
        assert_eq!(
            found.last,
            [(WRITER, of_one(to).next_back().expect("some"))]
        );
    };
    let kept = async || {
        let kept = store.account_sum(&OF.book, &account(1)).await;
        kept.expect("an answer").map_or(0, |kept| kept.count)
    };
    read(LEN).await;
    let first = of_one(LEN).count() as u64;
    assert_eq!(kept().await, first, "a long tail is folded");
    let more: Vec<_> = (LEN..LEN + 30).map(|seq| entry(WRITER, seq)).collect();
    store.append(&more).await.expect("stored");
    read(LEN + 30).await;
    assert_eq!(kept().await, first, "a short one is not");
    let nobody = sums.balance(OF, &Handle([9; 32])).await;
    assert_eq!(nobody.expect("an answer"), None);
}

#[tokio::test]
async fn the_background_keeps_sums_of_what_has_grown() {
    let (store, sums) = filled().await;
    let entries = store.entries(&OF.book, &WRITER, 0, 1024);
    sums.has_grown(OF, &entries.await.expect("entries"));
    let folded = async {
        while checkpoints(&store).await.is_empty()
            || store
                .account_sum(&OF.book, &account(2))
                .await
                .expect("an answer")
                .is_none()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = sums.fold() => unreachable!("it goes on"),
        () = folded => {}
    }
}
