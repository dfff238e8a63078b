//! Checks of derived sums: kept as they are, found by position, moved by compare-and-set.

use core_nostd::ids::{BookId, Handle, WriterId};

use super::{WORKS, random, some_account, some_book, some_writer};
use crate::{
    ledger::{AccountSum, Checkpoint, Summand},
    store::{Store, StoreError},
};

fn sum(is_tagged: bool) -> Summand {
    let element = || random::<32>().to_vec();
    Summand {
        c1: element(),
        c2: element(),
        tag: is_tagged.then(element),
    }
}

fn checkpoint(book: BookId, writer: WriterId, through: u64) -> Checkpoint {
    Checkpoint {
        book,
        writer,
        through,
        sum: sum(through.is_multiple_of(2)),
    }
}

fn account_sum(book: BookId, account: Handle, count: u64) -> AccountSum {
    let mut last = vec![(some_writer(), count), (some_writer(), u64::MAX - 1)];
    last.sort_unstable();
    AccountSum {
        book,
        account,
        count,
        last,
        sum: sum(true),
    }
}

/// Checkpoints are kept once and found from above; another sum in the place of one is damage.
///
/// # Panics
/// If that is not so.
pub async fn check_checkpoints<S: Store>(store: &S) {
    let (book, writer, other) = (some_book(), some_writer(), some_writer());
    let last = async |writer: &WriterId, at_most| {
        let found = store.last_checkpoint(&book, writer, at_most).await;
        found.expect(WORKS)
    };
    assert_eq!(last(&writer, u64::MAX).await, None);
    let kept: Vec<_> = [512, 1024, 2048, 1 << 63]
        .map(|through| checkpoint(book, writer, through))
        .to_vec();
    store.put_checkpoints(&[]).await.expect(WORKS);
    store.put_checkpoints(&kept[1..3]).await.expect(WORKS);
    store.put_checkpoints(&kept).await.expect(WORKS);
    let of_other = checkpoint(book, other, 1536);
    store.put_checkpoints(&[of_other]).await.expect(WORKS);
    for (at_most, index) in [(512, 0), (1023, 0), (1024, 1), (9999, 2), (u64::MAX, 3)] {
        assert_eq!(last(&writer, at_most).await.as_ref(), Some(&kept[index]));
    }
    assert_eq!(last(&writer, 511).await, None);
    assert_eq!(last(&some_writer(), u64::MAX).await, None);

    let page = async |from, limit| {
        let found = store.checkpoints(&book, &writer, from, limit).await;
        found.expect(WORKS)
    };
    assert_eq!(page(0, usize::MAX).await, kept);
    assert_eq!(page(513, 2).await, kept[1..3]);
    assert_eq!(page(0, 0).await, []);

    let wrong = checkpoint(book, writer, 1024);
    let fine = checkpoint(book, writer, 4096);
    let refused = store.put_checkpoints(&[wrong, fine]).await;
    assert!(
        matches!(refused, Err(StoreError::Damaged(_))),
        "{refused:?}"
    );
    assert_eq!(last(&writer, 1024).await.as_ref(), Some(&kept[1]));
}

/// An account's sum moves on from the one that was read, and from no other.
///
/// # Panics
/// If that is not so.
pub async fn check_account_sums<S: Store>(store: &S) {
    let book = some_book();
    let mut accounts = [some_account(), some_account(), Handle([0xff; 32])];
    accounts.sort_unstable();
    let account = accounts[0];
    let kept = async |account: &Handle| {
        let kept = store.account_sum(&book, account).await;
        kept.expect(WORKS)
    };
    let moved = async |old_count, new: &AccountSum| {
        let moved = store.move_account_sum(old_count, new).await;
        moved.expect(WORKS)
    };
    assert_eq!(kept(&account).await, None);
    let sums = [3, 10, 11].map(|count| account_sum(book, account, count));
    assert!(!moved(3, &sums[1]).await, "there is none of 3 entries");
    assert!(moved(0, &sums[0]).await);
    assert!(!moved(0, &sums[1]).await, "there is one");
    assert!(moved(3, &sums[1]).await);
    assert!(!moved(3, &sums[2]).await, "it has moved on");
    assert_eq!(kept(&account).await.as_ref(), Some(&sums[1]));

    let mut all = vec![sums[1].clone()];
    for account in &accounts[1..] {
        let new = account_sum(book, *account, 1);
        assert!(moved(0, &new).await);
        all.push(new);
    }
    let elsewhere = account_sum(some_book(), account, 7);
    assert!(moved(0, &elsewhere).await);
    let page = async |after, limit| {
        let page = store.account_sums(&book, after, limit).await;
        page.expect(WORKS)
    };
    assert_eq!(page(None, usize::MAX).await, all);
    assert_eq!(page(Some(&accounts[0]), 1).await, all[1..2]);
    assert_eq!(page(Some(&accounts[2]), 9).await, []);
    assert_eq!(page(None, 0).await, []);
}

/// What is forgotten is gone, of this book alone.
///
/// # Panics
/// If that is not so.
pub async fn check_forgotten_sums<S: Store>(store: &S) {
    let books = [some_book(), some_book()];
    let (writer, account) = (some_writer(), some_account());
    for book in books {
        let checkpoint = checkpoint(book, writer, 512);
        store.put_checkpoints(&[checkpoint]).await.expect(WORKS);
        let sum = account_sum(book, account, 5);
        assert!(store.move_account_sum(0, &sum).await.expect(WORKS));
    }
    store.forget_sums(&books[0]).await.expect(WORKS);
    for (book, is_kept) in books.into_iter().zip([false, true]) {
        let checkpoint = store.last_checkpoint(&book, &writer, u64::MAX).await;
        assert_eq!(checkpoint.expect(WORKS).is_some(), is_kept);
        let sum = store.account_sum(&book, &account).await;
        assert_eq!(sum.expect(WORKS).is_some(), is_kept);
    }
    let anew = checkpoint(books[0], writer, 512);
    store.put_checkpoints(&[anew]).await.expect(WORKS);
}

/// Of many that move a sum on from the same one, one does.
///
/// # Panics
/// If none does, or more than one.
pub async fn check_racing_sums<S: Store>(store: &S) {
    let (book, account) = (some_book(), some_account());
    for old_count in [0, 1, 2] {
        let sums: Vec<_> = (0..8)
            .map(|_| account_sum(book, account, old_count + 1))
            .collect();
        let moves = sums
            .iter()
            .map(|sum| store.move_account_sum(old_count, sum));
        let moved = futures_util::future::join_all(moves).await;
        let winners: Vec<_> = sums
            .iter()
            .zip(moved)
            .filter(|(_, moved)| *moved.as_ref().expect(WORKS))
            .map(|(sum, _)| sum)
            .collect();
        let kept = store.account_sum(&book, &account).await.expect(WORKS);
        assert_eq!(winners, [kept.as_ref().expect("one is kept")]);
    }
}
