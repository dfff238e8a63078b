//! `/v1/books`.

use core_nostd::{book::BookKind, ciphersuite::Ristretto255Sha512};
use host_api as api;

use crate::fixtures::{FFDHE2048_P, Keys, Server};

fn unsent(name: &str) -> Keys<Ristretto255Sha512> {
    Keys::new(name, BookKind::Authenticated)
}

#[test]
fn a_book_is_created_once_listed_by_name_and_read() {
    let server = Server::start();
    let (b, a) = (unsent("b"), unsent("a"));
    for book in [&b, &a] {
        assert_eq!(server.put(&book.path(""), &book.api()).status, 201);
        assert_eq!(server.put(&book.path(""), &book.api()).status, 200);
    }
    let list: api::Books = server.get("/v1/books").ok();
    assert_eq!(list.books, [a.api(), b.api()]);
    assert_eq!(server.get(&b.path("")).ok::<api::Book>(), b.api());
    server
        .get(&unsent("c").path(""))
        .problem(404, "unknown-book");
}

#[test]
fn an_identifier_that_is_not_the_hash_of_the_rules_is_refused() {
    let server = Server::start();
    let (book, other) = (unsent("a"), unsent("b"));
    server
        .put(&other.path(""), &book.api())
        .problem(409, "wrong-book-id");
    let dearer = api::Book {
        cap: book.book.cap + 1,
        ..book.api()
    };
    server
        .put(&book.path(""), &dearer)
        .problem(409, "wrong-book-id");
    let foreign = api::Book {
        book: other.id.to_string(),
        ..book.api()
    };
    server
        .put(&book.path(""), &foreign)
        .problem(409, "wrong-book-id");
    assert!(server.get("/v1/books").ok::<api::Books>().books.is_empty());
}

#[test]
fn rules_out_of_bounds_are_refused() {
    let server = Server::start();
    let book = unsent("a");
    let wrong: [fn(&mut api::Book); 9] = [
        |book| book.suite = "p256".into(),
        |book| book.kind = "closed".into(),
        |book| book.currency = "eur".into(),
        |book| book.currency = "XYZ".into(),
        |book| book.scale = 3,
        |book| book.cap = 0,
        |book| book.cap = u64::MAX,
        |book| book.min_entries = 0,
        |book| book.name = "x".repeat(49),
    ];
    for change in wrong {
        let mut body = book.api();
        change(&mut body);
        server.put(&book.path(""), &body).problem(409, "bad-rules");
    }
    assert!(server.get("/v1/books").ok::<api::Books>().books.is_empty());
}

#[test]
fn a_public_key_must_be_a_full_element_of_the_suite() {
    let server = Server::start();
    let book = unsent("a");
    // The identity, bytes out of range, a length of another suite, nothing.
    for key in [vec![0; 32], vec![0xff; 32], vec![2; 256], vec![]] {
        let body = api::Book {
            public_key: key.into(),
            ..book.api()
        };
        server
            .put(&book.path(""), &body)
            .problem(409, "bad-public-key");
    }
    let mut minus_one = hex::decode(FFDHE2048_P).expect("hexadecimal");
    *minus_one.last_mut().expect("not empty") -= 1;
    let ffdhe = Keys::<core_nostd::ciphersuite::Ffdhe2048Sha512>::new("f", BookKind::Open);
    let body = api::Book {
        public_key: minus_one.into(),
        ..ffdhe.api()
    };
    let problem = server
        .put(&ffdhe.path(""), &body)
        .problem(409, "bad-public-key");
    assert!(
        problem
            .detail
            .expect("says why")
            .contains("group of prime order")
    );
    assert!(server.get("/v1/books").ok::<api::Books>().books.is_empty());
}

#[test]
fn a_book_keeps_its_first_public_key() {
    let server = Server::start();
    let book = unsent("a").create(&server);
    let other = unsent("b").api().public_key;
    let body = api::Book {
        public_key: other,
        ..book.api()
    };
    server
        .put(&book.path(""), &body)
        .problem(409, "book-conflict");
    assert_eq!(server.get(&book.path("")).ok::<api::Book>(), book.api());
}
