//! Checks of everything but entries: put and read again, equal and unequal under one key, order.

use core_nostd::{
    book::{BookKind, CAP_MAX, MIN_ENTRIES_MAX},
    ciphersuite::SuiteId,
    ids::{BookId, Handle, WriterId},
};

use super::{WORKS, new_book, random, some_account, some_book, some_writer};
use crate::{
    ledger::{Account, At, Book, ChainCut},
    store::{INTENT_LIFE_MS, Intent, Put, Store},
};

/// A store that works says so.
///
/// # Panics
/// If it does not.
pub async fn check_ping<S: Store>(store: &S) {
    store.ping().await.expect(WORKS);
}

/// A book is kept as it is, once; the list is in order of name, then identifier.
///
/// # Panics
/// If that is not so.
pub async fn check_books<S: Store>(store: &S) {
    let mut books = vec![
        new_book(SuiteId::Ristretto255, BookKind::Authenticated, "EUR"),
        new_book(SuiteId::Ffdhe2048, BookKind::Open, "JPY"),
        Book {
            cap: CAP_MAX,
            min_entries: MIN_ENTRIES_MAX,
            public_key: vec![0xa5; 384],
            ..new_book(SuiteId::Ffdhe3072, BookKind::Open, "KWD")
        },
    ];
    books.push(Book {
        cap: 1,
        min_entries: 1,
        ..books[0].clone()
    });
    for book in &books {
        assert_eq!(store.book(&book.id()).await.expect(WORKS), None);
        assert_eq!(store.put_book(book).await.expect(WORKS), Put::Stored);
        assert_eq!(store.put_book(book).await.expect(WORKS), Put::Already);
        let other = Book {
            public_key: vec![1; 32],
            ..book.clone()
        };
        assert_eq!(store.put_book(&other).await.expect(WORKS), Put::Conflict);
        assert_eq!(
            store.book(&book.id()).await.expect(WORKS).as_ref(),
            Some(book)
        );
    }
    let all = store.books().await.expect(WORKS);
    assert!(all.is_sorted_by_key(|book| (book.name.clone(), book.id())));
    for book in &books {
        assert_eq!(all.iter().filter(|found| *found == book).count(), 1);
    }
}

/// An account is kept as it is, once; a book's accounts are listed page by page, by handle.
///
/// # Panics
/// If that is not so.
pub async fn check_accounts<S: Store>(store: &S) {
    let book = some_book();
    let mut accounts: Vec<_> = (0..7)
        .map(|_| Account {
            book,
            handle: some_account(),
            sealed_nid: random::<48>().to_vec(),
        })
        .collect();
    accounts[3].handle = Handle([0; 32]);
    accounts[5].handle = Handle([0xff; 32]);
    for account in &accounts {
        assert_eq!(
            store.account(&book, &account.handle).await.expect(WORKS),
            None
        );
        assert_eq!(store.put_account(account).await.expect(WORKS), Put::Stored);
        assert_eq!(store.put_account(account).await.expect(WORKS), Put::Already);
        let other = Account {
            sealed_nid: vec![1],
            ..account.clone()
        };
        assert_eq!(store.put_account(&other).await.expect(WORKS), Put::Conflict);
        let found = store.account(&book, &account.handle).await.expect(WORKS);
        assert_eq!(found.as_ref(), Some(account));
        assert_eq!(
            store
                .account(&some_book(), &account.handle)
                .await
                .expect(WORKS),
            None
        );
    }
    accounts.sort_by_key(|account| account.handle);
    for limit in [1, 3, 7, 100, usize::MAX] {
        let mut paged: Vec<Account> = Vec::new();
        loop {
            let after = paged.last().map(|account| account.handle);
            let page = store
                .accounts(&book, after.as_ref(), limit)
                .await
                .expect(WORKS);
            assert_eq!(page.len(), limit.min(accounts.len() - paged.len()));
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, accounts);
    }
    assert_eq!(store.accounts(&book, None, 0).await.expect(WORKS), []);
    let greatest = Handle([0xff; 32]);
    assert_eq!(
        store
            .accounts(&book, Some(&greatest), 9)
            .await
            .expect(WORKS),
        []
    );
    assert_eq!(
        store.accounts(&some_book(), None, 9).await.expect(WORKS),
        []
    );
    let after = store
        .accounts(&book, Some(&Handle([0; 32])), 2)
        .await
        .expect(WORKS);
    assert_eq!(after, accounts[1..3]);
}

/// A cut is kept once, whenever it arrives again; a book's cuts are in order.
///
/// # Panics
/// If that is not so.
pub async fn check_cuts<S: Store>(store: &S) {
    let book = some_book();
    let writers = [WriterId([0; 16]), some_writer(), WriterId([0xff; 16])];
    let positions = [1, 255, 256, u64::MAX];
    let cut = |writer, position| ChainCut {
        writer,
        position,
        mac: random(),
        arrived_ms: 5,
    };
    let cuts: Vec<_> = writers
        .into_iter()
        .flat_map(|writer| positions.map(|position| cut(writer, position)))
        .collect();
    for kept in cuts.iter().rev() {
        assert_eq!(store.put_cut(&book, kept).await.expect(WORKS), Put::Stored);
        let later = ChainCut {
            arrived_ms: u64::MAX,
            ..*kept
        };
        assert_eq!(
            store.put_cut(&book, &later).await.expect(WORKS),
            Put::Already
        );
        let other = ChainCut {
            mac: random(),
            ..*kept
        };
        assert_eq!(
            store.put_cut(&book, &other).await.expect(WORKS),
            Put::Conflict
        );
    }
    assert_eq!(store.cuts(&book).await.expect(WORKS), cuts);
    assert_eq!(store.cuts(&some_book()).await.expect(WORKS), []);
}

/// The cut of a chain that is not after a moment, whatever other chains have.
///
/// # Panics
/// If it is another one.
pub async fn check_last_cut<S: Store>(store: &S) {
    let (book, writer, other) = (some_book(), some_writer(), some_writer());
    let cut = |writer, position, arrived_ms| ChainCut {
        writer,
        position,
        mac: random(),
        arrived_ms,
    };
    // Clocks may be set back, and a cut may arrive late.
    let cuts = [(16, 500), (40, 900), (64, 700), (80, 1000)];
    let cuts = cuts.map(|(position, arrived_ms)| cut(writer, position, arrived_ms));
    for of in [cuts[3], cuts[0], cuts[2], cuts[1], cut(other, 99, 100)] {
        assert_eq!(store.put_cut(&book, &of).await.expect(WORKS), Put::Stored);
    }
    let last = async |at| store.last_cut(&book, &writer, at).await.expect(WORKS);
    assert_eq!(last(At::Latest).await, Some(cuts[3]));
    for number in [0_usize, 1, 3, 4, 5] {
        let expected = number.checked_sub(1).map(|index| cuts[index.min(3)]);
        assert_eq!(last(At::Number(number as u64)).await, expected, "{number}");
    }
    assert_eq!(last(At::Number(u64::MAX)).await, Some(cuts[3]));
    for (time, index) in [(1000, 3), (999, 2), (700, 2), (699, 0), (500, 0)] {
        assert_eq!(last(At::Time(time)).await, Some(cuts[index]), "{time}");
    }
    assert_eq!(last(At::Time(499)).await, None);
    let of_nobody = store.last_cut(&book, &some_writer(), At::Latest).await;
    assert_eq!(of_nobody.expect(WORKS), None);
}

/// Statements of a book stay in the order of their arrival, each text once.
///
/// # Panics
/// If that is not so.
pub async fn check_statements<S: Store>(store: &S) {
    let (book, other) = (some_book(), some_book());
    let texts = [
        "{\"n\":2}",
        "{}",
        &"ü€😀\n\\\"".repeat(8000),
        "{\"n\":1}",
        "",
    ];
    for (count, text) in texts.iter().enumerate() {
        assert_eq!(
            store.put_statement(&book, text).await.expect(WORKS),
            Put::Stored
        );
        assert_eq!(
            store.put_statement(&book, text).await.expect(WORKS),
            Put::Already
        );
        assert_eq!(store.statements(&book).await.expect(WORKS), texts[..=count]);
    }
    assert_eq!(store.statements(&other).await.expect(WORKS), [""; 0]);
    assert_eq!(
        store.put_statement(&other, "{}").await.expect(WORKS),
        Put::Stored
    );
    assert_eq!(store.statements(&other).await.expect(WORKS), ["{}"]);
}

/// An intent is kept for [`INTENT_LIFE_MS`], and gives way to another afterwards.
///
/// # Panics
/// If that is not so.
pub async fn check_intents<S: Store>(store: &S) {
    let now_ms = now_ms();
    let intent = |begun_ms| Intent {
        book: BookId(random()),
        writer: some_writer(),
        expected_seq: u64::MAX,
        request: random(),
        begun_ms,
    };
    let key = format!("k \"ü\" $. {}", some_book());
    let first = intent(now_ms);
    assert_eq!(store.begin(&key, &first).await.expect(WORKS), first);
    for begun_ms in [now_ms, now_ms - 1, now_ms + INTENT_LIFE_MS - 1] {
        assert_eq!(
            store.begin(&key, &intent(begun_ms)).await.expect(WORKS),
            first
        );
    }
    let another_key = format!("{key}.");
    let another = intent(now_ms);
    assert_eq!(
        store.begin(&another_key, &another).await.expect(WORKS),
        another
    );
    let second = intent(now_ms + INTENT_LIFE_MS);
    assert_eq!(store.begin(&key, &second).await.expect(WORKS), second);
    let retry = intent(now_ms + INTENT_LIFE_MS + 1);
    assert_eq!(store.begin(&key, &retry).await.expect(WORKS), second);
}

/// The time of day: a database may remove what is old by its own clock.
pub(super) fn now_ms() -> u64 {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().expect("the clock is right");
    u64::try_from(since_1970.as_millis()).expect("the clock is right")
}
