//! Keys that were made elsewhere: whose key they are, what is refused, and what survives.

use core_nostd::{
    ciphersuite::{Ciphersuite, Ristretto255Sha512, ScalarBytes},
    group::Group,
    ids::BookId,
    keys::SecretKey,
    wire::{BOOKS_MAX, Request, Response, Rules, State, TokenError},
};
use firmware_token::PROMPT_TIMEOUT_MS;

use crate::{
    bench::{Answer, Bench, PIN, RULES},
    ledger::{check_statement, public_key},
    release::release_open,
    storage::edit,
};

/// A full-size key of ristretto255.
pub const X: [u8; 32] = [0x0e; 32];

/// The rules of an open book.
pub const OPEN: Rules<'static> = Rules {
    kind: 2,
    name: "classic",
    ..RULES
};

pub fn import<'a>(rules: Rules<'a>, x: &'a [u8]) -> Request<'a> {
    Request::ImportBook { rules, x }
}

/// A full-size key: `q - n`.
fn below_the_order<T: Ciphersuite>(n: i64) -> ScalarBytes<T> {
    T::Group::encode_scalar(&T::Group::scalar_from_i64(-n))
}

fn in_suite<T: Ciphersuite>(name: &str) -> Rules<'_> {
    Rules {
        suite: T::ID as u8,
        name,
        ..OPEN
    }
}

fn imported<const KIB: u32>(bench: &mut Bench<KIB>, rules: Rules<'_>, x: &[u8]) -> BookId {
    match bench.call(&import(rules, x)).response() {
        Response::Book(info) => {
            assert_eq!(info.rules, rules);
            assert_eq!((info.next_seq, info.last_cut), (0, 0));
            info.book
        }
        other => panic!("{other:?}"),
    }
}

/// Everything an open book can do, done with a key from elsewhere, in every later state.
fn check_import<T: Ciphersuite>() {
    let x = below_the_order::<T>(77);
    let key = SecretKey::<T>::from_bytes(x.as_ref()).expect("a key");
    let mut bench = Bench::unlocked();
    bench.book(RULES);
    let book = imported(&mut bench, in_suite::<T>("classic"), x.as_ref());
    let own = bench.book(in_suite::<T>("of the seed"));
    let asked = bench.world.button.borrow().asked.last().cloned();
    assert_eq!(
        asked.as_deref(),
        Some("import the key of OPEN book \"classic\", which no backup will hold")
    );
    let own_key = public_key::<T, 1024>(&mut bench, own);
    assert_ne!(own_key, key.public_key());

    let check = |bench: &mut Bench, number| {
        assert_eq!(public_key::<T, 1024>(bench, book), key.public_key());
        assert_eq!(public_key::<T, 1024>(bench, own), own_key);
        let reply = release_open::<T, 1024>(bench, book, &[700, -50, number]);
        let Response::Statement(record) = reply.response() else {
            panic!("{reply:?}")
        };
        assert_eq!((record.number, record.count), (number.unsigned_abs(), 3));
        check_statement(&record, &key.public_key(), 650 + number);
        bench.done(&Request::ConfirmDecode {
            number: record.number,
            minor: 650 + number,
        });
    };
    check(&mut bench, 1);
    bench.done(&Request::Lock);
    assert_eq!(
        bench.refusal(&Request::PublicKey { book }),
        TokenError::Locked
    );
    bench.done(&Request::Unlock { pin: PIN });
    let new = "another pin";
    bench.done(&Request::ChangePin { old: PIN, new });
    bench.reboot();
    bench.done(&Request::Unlock { pin: new });
    check(&mut bench, 2);
}

#[test]
fn an_imported_key_is_the_key_of_its_book_for_as_long_as_the_token_lives() {
    check_import::<Ristretto255Sha512>();
}

#[cfg(feature = "ffdhe")]
#[test]
fn a_full_size_key_of_each_finite_field_opens_its_book() {
    check_import::<core_nostd::ciphersuite::Ffdhe2048Sha512>();
    check_import::<core_nostd::ciphersuite::Ffdhe3072Sha512>();
}

#[test]
fn what_is_refused_is_refused_before_anybody_is_asked_and_changes_nothing() {
    let mut bench = Bench::<1024>::unlocked();
    bench.book(OPEN);
    let before = bench.flash_bytes();
    let asked = bench.world.button.borrow().asked.len();
    let other = Rules {
        name: "other",
        ..OPEN
    };
    let mut refuse = |rules, x: &[u8], error| {
        assert_eq!(bench.refusal(&import(rules, x)), error, "{rules:?} {x:?}");
    };
    let order = {
        let mut order = below_the_order::<Ristretto255Sha512>(1);
        order[0] += 1;
        order
    };
    for x in [&[][..], &[0; 32], &order, &[0xff; 32], &X[1..], &[1; 33]] {
        refuse(other, x, TokenError::BadKey);
    }
    for suite in [1, 2, 3] {
        let authenticated = Rules { suite, ..RULES };
        refuse(authenticated, &X, TokenError::WrongKind);
    }
    for bad in [Rules { kind: 3, ..OPEN }, Rules { suite: 9, ..OPEN }] {
        refuse(bad, &X, TokenError::BadRules);
    }
    refuse(OPEN, &X, TokenError::BookExists);
    for suite in [2, 3] {
        let error = if cfg!(feature = "ffdhe") {
            TokenError::BadKey
        } else {
            TokenError::SuiteUnsupported
        };
        refuse(Rules { suite, ..OPEN }, &X, error);
    }
    assert_eq!(bench.world.button.borrow().asked.len(), asked);
    assert!(bench.flash_bytes() == before, "nothing was written");
    assert_eq!(bench.info().books, 1);
}

#[test]
fn a_key_is_the_key_of_one_book_only() {
    let mut bench = Bench::<1024>::unlocked();
    let second = Rules {
        name: "second",
        ..OPEN
    };
    bench.book(RULES);
    imported(&mut bench, OPEN, &X);
    for _ in 0..2 {
        assert_eq!(
            bench.refusal(&import(second, &X)),
            TokenError::KeyInUse,
            "the same key again"
        );
        bench.reboot();
        bench.done(&Request::Unlock { pin: PIN });
    }
    let mut another = X;
    another[0] ^= 1;
    imported(&mut bench, second, &another);
    for taken in [X, another] {
        let third = Rules {
            name: "third",
            ..OPEN
        };
        assert_eq!(bench.refusal(&import(third, &taken)), TokenError::KeyInUse);
    }
}

#[test]
fn a_full_set_of_books_takes_no_key() {
    let mut bench = Bench::<1024>::unlocked();
    for index in 0..BOOKS_MAX {
        let name = &format!("{index}");
        bench.book(Rules { name, ..RULES });
    }
    assert_eq!(bench.refusal(&import(OPEN, &X)), TokenError::TooManyBooks);
}

#[test]
fn without_presence_there_is_no_book_and_the_key_can_still_come() {
    let mut bench = Bench::<1024>::unlocked();
    for (answer, error) in [
        (Answer::No, TokenError::Denied),
        (Answer::Never, TokenError::PresenceTimeout),
    ] {
        bench.world.button.borrow_mut().answers.push_back(answer);
        let before = bench.world.now_ms.get();
        assert_eq!(bench.refusal(&import(OPEN, &X)), error);
        assert!(bench.world.now_ms.get() - before <= PROMPT_TIMEOUT_MS);
        assert_eq!(bench.info().books, 0);
    }
    imported(&mut bench, OPEN, &X);
}

#[test]
fn an_imported_key_is_never_in_the_flash_in_clear() {
    let mut bench = Bench::<1024>::unlocked();
    let x: Vec<u8> = (0..32).rev().collect();
    let book = imported(&mut bench, OPEN, &x);
    let key = SecretKey::<Ristretto255Sha512>::from_bytes(&x).expect("a key");
    assert_eq!(public_key(&mut bench, book), key.public_key());
    release_open::<Ristretto255Sha512, 1024>(&mut bench, book, &[1]);
    let bytes = bench.flash_bytes();
    assert!(bytes.windows(book.0.len()).any(|window| window == book.0));
    for piece in x.chunks(4) {
        assert!(!bytes.windows(4).any(|window| window == piece));
    }
}

#[test]
fn a_wipe_takes_the_key_with_it() {
    let mut bench = Bench::<1024>::unlocked();
    let book = imported(&mut bench, OPEN, &X);
    let key = public_key::<Ristretto255Sha512, 1024>(&mut bench, book);
    bench.reboot_into(true);
    bench.done(&Request::Wipe);
    assert_eq!(bench.info().state, State::Empty);
    assert!(bench.is_wiped());
    bench.done(&crate::bench::provision(PIN));
    let unknown = Request::PublicKey { book };
    assert_eq!(bench.refusal(&unknown), TokenError::UnknownBook);
    assert_eq!(bench.book(OPEN), book);
    assert_ne!(public_key(&mut bench, book), key, "now it is the seed's");
}

#[test]
fn an_edited_key_is_noticed() {
    let mut bench = Bench::<1024>::unlocked();
    let book = imported(&mut bench, OPEN, &X);
    // The record: its key 0x80, an empty head of 20 bytes, the tag, the sealed key.
    let head = [&[0x80][..], &[0; 20]].concat();
    for offset in [head.len(), head.len() + 16, head.len() + 16 + 31] {
        edit(&mut bench, &head, offset, |byte| byte ^ 1);
        bench.done(&Request::Unlock { pin: PIN });
        let key = Request::PublicKey { book };
        assert_eq!(bench.refusal(&key), TokenError::StorageFailed);
        edit(&mut bench, &head, offset, |byte| byte ^ 1);
        bench.done(&Request::Unlock { pin: PIN });
        public_key::<Ristretto255Sha512, 1024>(&mut bench, book);
    }
}

#[test]
fn an_open_book_with_a_key_of_its_own_has_no_chain() {
    let mut bench = Bench::<1024>::unlocked();
    let book = imported(&mut bench, OPEN, &X);
    let posting = core_nostd::wire::Posting {
        account: core_nostd::ids::Handle([1; 32]),
        prev: None,
        minor: 1,
    };
    for request in [
        Request::LastEntry { book },
        Request::Cut { book },
        Request::Post {
            book,
            expected_seq: 0,
            posting,
        },
    ] {
        assert_eq!(bench.refusal(&request), TokenError::WrongKind);
    }
    public_key::<Ristretto255Sha512, 1024>(&mut bench, book);
}
