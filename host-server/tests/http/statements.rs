//! `/v1/books/{book}/statements`.

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    ciphertext::Ciphertext,
    group::Group,
    ids::WriterId,
    keys::{Hedge, Nonce},
    statement::{Header, Scope, Span},
    tag::LastPosition,
};
use host_api as api;

use crate::fixtures::{Keys, Server, account, book, rng};

const WRITER: WriterId = WriterId([1; 16]);

fn state<S: Ciphersuite>(keys: &Keys<S>, scope: Scope<'_>, count: u64) -> api::Statement {
    let mut rng = rng(3);
    let ciphertext = keys.secret.encrypt(-1234, Nonce::random(&mut rng));
    prove(keys, scope, count, ciphertext)
}

fn prove<S: Ciphersuite>(
    keys: &Keys<S>,
    scope: Scope<'_>,
    count: u64,
    ciphertext: Ciphertext<S>,
) -> api::Statement {
    let header = Header::<S> {
        number: 7,
        book: keys.id,
        public_key: keys.secret.public_key(),
        count,
        scope,
        ciphertext,
        d: keys.secret.decrypt_to_element(&ciphertext),
    };
    let proof = header.prove(&keys.secret, &Hedge::from_bytes(&[5; 32]), &mut rng(4));
    let (c, s) = proof.to_bytes();
    let (c1, c2) = ciphertext.to_bytes();
    let scope = match scope {
        Scope::Total(spans) => api::Scope::Total {
            ranges: spans
                .iter()
                .map(|Span { writer, from, to }| api::Span {
                    writer: writer.to_string(),
                    from: *from,
                    to: *to,
                })
                .collect(),
        },
        Scope::Balance { account, last } => api::Scope::Balance {
            account: account.to_string(),
            last: last
                .iter()
                .map(|LastPosition { writer, seq }| api::LastPosition {
                    writer: writer.to_string(),
                    seq: *seq,
                })
                .collect(),
        },
        Scope::Open => api::Scope::Open,
    };
    api::Statement {
        format: api::statement::FORMAT.to_owned(),
        book: keys.api(),
        number: 7,
        count,
        scope,
        c1: c1.as_ref().into(),
        c2: c2.as_ref().into(),
        d: S::Group::encode(&header.d).as_ref().into(),
        proof_c: c.as_ref().into(),
        proof_s: s.as_ref().into(),
        minor: "-1234".to_owned(),
        amount: "-12.34".to_owned(),
    }
}

pub fn total(keys: &Keys<Ristretto255Sha512>) -> api::Statement {
    let spans = [Span {
        writer: WRITER,
        from: 4,
        to: 24,
    }];
    state(keys, Scope::Total(&spans), 20)
}

#[test]
fn statements_that_verify_are_published_once_in_order() {
    let server = Server::start();
    let keys = book(&server);
    let last = [LastPosition {
        writer: WRITER,
        seq: Some(9),
    }];
    let balance = state(
        &keys,
        Scope::Balance {
            account: account(1),
            last: &last,
        },
        0,
    );
    let path = keys.path("/statements");
    for statement in [&total(&keys), &balance] {
        assert_eq!(server.post(&path, statement).status, 201);
        assert_eq!(server.post(&path, statement).status, 200);
    }
    let list: api::Statements = server.get(&path).ok();
    assert_eq!(list.statements, [total(&keys), balance]);
}

#[test]
fn an_open_sum_is_published_in_an_open_book_only() {
    let server = Server::start();
    let open = Keys::<Ristretto255Sha512>::new("open", BookKind::Open).create(&server);
    let statement = state(&open, Scope::Open, 3);
    assert_eq!(
        server.post(&open.path("/statements"), &statement).status,
        201
    );
    server
        .post(&open.path("/statements"), &total(&open))
        .problem(409, "bad-statement");
    let closed = book(&server);
    let statement = state(&closed, Scope::Open, 3);
    server
        .post(&closed.path("/statements"), &statement)
        .problem(409, "bad-statement");
}

#[test]
fn every_changed_field_of_a_statement_is_noticed() {
    let server = Server::start();
    let keys = book(&server);
    let path = keys.path("/statements");
    let changes: [fn(&mut api::Statement); 14] = [
        |s| s.format = "tallystick-statement-v2".into(),
        |s| s.number += 1,
        |s| s.count += 1,
        |s| s.minor = "-1235".into(),
        |s| s.minor = "-01234".into(),
        |s| s.amount = "-12.340".into(),
        |s| (s.minor, s.amount) = ("-1235".into(), "-12.35".into()),
        |s| s.c1 = s.c2.clone(),
        |s| s.c1 = vec![0; 32].into(),
        |s| s.d = s.c2.clone(),
        |s| s.proof_c = s.proof_s.clone(),
        |s| s.proof_s = vec![0xff; 32].into(),
        |s| {
            s.scope = api::Scope::Total {
                ranges: vec![api::Span {
                    writer: WRITER.to_string(),
                    from: 5,
                    to: 25,
                }],
            }
        },
        |s| {
            s.scope = api::Scope::Total {
                ranges: vec![api::Span {
                    writer: "zz".into(),
                    from: 4,
                    to: 24,
                }],
            }
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut statement = total(&keys);
        change(&mut statement);
        let reply = server.post(&path, &statement);
        assert_eq!(reply.status, 409, "change {index}: {reply:?}");
        reply.problem(409, "bad-statement");
    }
    assert!(
        server
            .get(&path)
            .ok::<api::Statements>()
            .statements
            .is_empty()
    );
}

#[test]
fn a_writer_listed_twice_is_noticed_though_the_proof_holds() {
    let server = Server::start();
    let keys = book(&server);
    let span = Span {
        writer: WRITER,
        from: 4,
        to: 14,
    };
    let statement = state(&keys, Scope::Total(&[span, span]), 20);
    let problem = server.post(&keys.path("/statements"), &statement);
    let problem = problem.problem(409, "bad-statement");
    assert!(problem.detail.expect("says why").contains("contradict"));
}

#[test]
fn a_statement_about_another_book_is_refused() {
    let server = Server::start();
    let keys = book(&server);
    let other = Keys::<Ristretto255Sha512>::new("other", BookKind::Authenticated).create(&server);
    let path = other.path("/statements");
    server
        .post(&path, &total(&keys))
        .problem(409, "foreign-book");
    let mut statement = total(&keys);
    statement.book.public_key = other.api().public_key;
    server
        .post(&keys.path("/statements"), &statement)
        .problem(409, "foreign-book");
}
