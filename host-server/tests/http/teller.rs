//! `/v1/teller`, with an emulated token: postings and releases in clear.

use std::thread;

use core_nostd::{
    amount::Amount,
    ciphersuite::Ristretto255Sha512,
    currency::Currency,
    keys::{Nonce, PublicKey},
};
use host_api::{self as api, teller as bodies};
use host_server::{AppState, store::memory::MemoryStore};
use token_client::{AuditPage, AuditPosition};

use crate::{
    desk::{Desk, ask, key, new_book, pin, post},
    fixtures::{Server, append, book, rng},
    line::PIN,
};

#[test]
fn deposits_and_withdrawals_open_to_balance_and_total() {
    let desk = Desk::open();
    let postings = [
        ("DE-1111", "500.00"),
        ("DE-2222", "12.5"),
        ("de 1111", "-125.00"),
        ("DE-2222", "0"),
        ("DE-1111", "0.01"),
    ];
    for (number, (nid, amount)) in (0..).zip(postings) {
        assert_eq!(desk.posted(nid, amount, &key(number)), u64::from(number));
    }
    let balance = desk.release("/balance", &ask("DE1111"));
    assert_eq!((&*balance.minor, &*balance.amount), ("37501", "375.01"));
    let total = desk.release("/total", &bodies::AskTotal::default());
    assert_eq!((&*total.amount, total.count), ("387.51", 5));

    let published: api::Statements = desk
        .server
        .get(&format!("/v1/books/{}/statements", desk.book))
        .ok();
    assert_eq!(
        published.statements,
        [total],
        "the total, and nobody's balance"
    );
    let accounts: api::Accounts = desk
        .server
        .get(&format!("/v1/books/{}/accounts", desk.book))
        .ok();
    assert_eq!(accounts.accounts.len(), 2);
}

#[test]
fn totals_go_from_cut_to_cut() {
    let desk = Desk::open();
    for number in 0..4 {
        desk.posted("DE1111", "1.00", &key(number));
    }
    assert_eq!(
        desk.release("/total", &bodies::AskTotal::default()).amount,
        "4.00"
    );
    for number in 4..7 {
        desk.posted("DE1111", "10.00", &key(number));
    }
    let again = desk.release("/total", &bodies::AskTotal::default());
    assert_eq!(
        again.amount, "4.00",
        "three entries are too few for a cut: left at its last one"
    );
    let tail = bodies::AskTotal {
        from: Some(1),
        ..bodies::AskTotal::default()
    };
    let problem = desk
        .server
        .post(&desk.path("/total"), &tail)
        .problem(409, "too-few-entries");
    assert!(problem.detail.expect("says how many").contains('1'));
    desk.posted("DE1111", "10.00", &key(7));
    assert_eq!(desk.release("/total", &tail).amount, "40.00");
    let first = bodies::AskTotal {
        to: Some(1),
        ..bodies::AskTotal::default()
    };
    assert_eq!(desk.release("/total", &first).amount, "4.00");
}

#[test]
fn a_sum_that_was_opened_but_not_decoded_is_decoded_later() {
    let desk = Desk::open();
    let nothing = bodies::AskTotal {
        last: true,
        ..bodies::AskTotal::default()
    };
    desk.server
        .post(&desk.path("/total"), &nothing)
        .problem(409, "token-refused");
    for number in 0..4 {
        desk.posted("DE1111", "90000.00", &key(number));
    }
    let narrow = bodies::AskTotal {
        window: Some(20),
        ..bodies::AskTotal::default()
    };
    let problem = desk
        .server
        .post(&desk.path("/total"), &narrow)
        .problem(409, "out-of-range");
    let detail = problem.detail.expect("says what helps");
    for words in [
        "10485.75 EUR",
        "above 20 bits",
        "40000000",
        "cut by cut",
        "\"last\"",
    ] {
        assert!(detail.contains(words), "{words}: {detail}");
    }

    let last = |window| bodies::AskTotal {
        last: true,
        window,
        ..bodies::AskTotal::default()
    };
    for bits in [0, 55, 255] {
        desk.server
            .post(&desk.path("/total"), &last(Some(bits)))
            .problem(422, "invalid-body");
    }
    desk.server
        .post(&desk.path("/total"), &last(Some(25)))
        .problem(409, "out-of-range");
    let answers = [last(None), last(Some(26))].map(|ask| {
        let answer = desk.server.post(&desk.path("/total"), &ask);
        answer.ok::<bodies::Released>()
    });
    assert_eq!(answers[0], answers[1]);
    let [bodies::Released { statement, bound }, _] = answers;
    assert_eq!(bound.as_deref(), Some("40000000"));
    assert_eq!((&*statement.amount, statement.number), ("360000.00", 1));
    let published: api::Statements = desk
        .server
        .get(&format!("/v1/books/{}/statements", desk.book))
        .ok();
    assert_eq!(published.statements, [statement], "once");
}

#[test]
fn what_was_opened_last_is_told_to_nobody_who_asks_for_something_else() {
    let desk = Desk::open();
    for number in 0..4 {
        desk.posted("DE1111", "90000.00", &key(number));
    }
    let total = bodies::AskTotal {
        last: true,
        ..bodies::AskTotal::default()
    };
    let last = |nid, window| bodies::AskBalance {
        last: true,
        window,
        ..ask(nid)
    };
    let narrow = bodies::AskBalance {
        window: Some(20),
        ..ask("DE1111")
    };
    desk.server
        .post(&desk.path("/balance"), &narrow)
        .problem(409, "out-of-range");
    desk.server
        .post(&desk.path("/total"), &total)
        .problem(409, "not-the-last");
    desk.server
        .post(&desk.path("/balance"), &last("DE2222", None))
        .problem(409, "not-the-last");
    let balance = desk.release("/balance", &last("de-1111", None));
    assert_eq!(balance.amount, "360000.00");

    desk.release("/total", &bodies::AskTotal::default());
    desk.server
        .post(&desk.path("/balance"), &last("DE1111", None))
        .problem(409, "not-the-last");
    let other: api::Book = desk.server.post("/v1/teller/books", &new_book("open")).ok();
    desk.server
        .post(&format!("/v1/teller/books/{}/total", other.book), &total)
        .problem(409, "not-the-last");
}

#[test]
fn a_posting_repeated_under_its_key_is_made_once() {
    let desk = Desk::open();
    assert_eq!(desk.posted("DE1111", "5.00", &key(1)), 0);
    assert_eq!(desk.posted("DE1111", "5.00", &key(1)), 0);
    assert_eq!(desk.posted("DE1111", "5.00", &key(2)), 1);
    assert_eq!(
        desk.posted("DE1111", "5.00", &key(1)),
        0,
        "also when the chain has gone on"
    );
    assert_eq!(desk.log().len(), 2);
    for (nid, amount) in [("DE1111", "5.01"), ("DE2222", "5.00")] {
        desk.post(nid, amount, &key(1))
            .problem(422, "idempotency-key-reused");
    }
    for bad in ["", "short", "has a space in the middle"] {
        desk.post("DE1111", "5.00", bad).problem(400, "bad-header");
    }
    let body = bodies::Post {
        nid: "DE1111".into(),
        amount: "5".into(),
    };
    desk.server
        .post(&desk.path("/entries"), &body)
        .problem(400, "bad-header");
    assert_eq!(desk.log().len(), 2);
}

#[test]
fn amounts_and_ids_that_are_none_are_refused_before_anything_is_signed() {
    let desk = Desk::open();
    for amount in ["12.345", "1e5", "", "five", "99999999999999999999"] {
        desk.post("DE1111", amount, &key(1))
            .problem(422, "bad-amount");
    }
    desk.post("DE1111", "100000.01", &key(1))
        .problem(422, "over-cap");
    for nid in ["", "abc", &"x".repeat(40), "DE é111"] {
        desk.post(nid, "1.00", &key(1)).problem(422, "bad-nid");
    }
    assert!(desk.log().is_empty());
    assert_eq!(desk.posted("DE1111", "-100000.00", &key(1)), 0);
}

#[test]
fn a_locked_token_says_so_and_a_wrong_pin_costs_a_try() {
    let desk = Desk::open();
    let locked: bodies::Info = desk.server.post("/v1/teller/lock", &()).ok();
    assert_eq!(locked.state, "locked");
    desk.post("DE1111", "1.00", &key(1))
        .problem(409, "token-locked");
    desk.server
        .post("/v1/teller/unlock", &pin("654321"))
        .problem(403, "wrong-pin");
    let info: bodies::Info = desk.server.get("/v1/teller/info").ok();
    assert!(info.state == "locked" && info.tries_left < locked.tries_left);
    desk.server
        .post("/v1/teller/unlock", &pin(PIN))
        .ok::<bodies::Info>();
    assert_eq!(
        desk.posted("DE1111", "1.00", &key(1)),
        0,
        "the refused attempt used nothing up"
    );
}

#[test]
fn what_the_person_at_the_token_denies_is_not_opened() {
    let desk = Desk::with(
        MemoryStore::new(),
        tempfile::tempdir().expect("a folder"),
        false,
    );
    for number in 0..4 {
        desk.posted("DE1111", "1.00", &key(number));
    }
    desk.server
        .post(&desk.path("/balance"), &ask("DE1111"))
        .problem(403, "token-denied");
    let total = bodies::AskTotal::default();
    desk.server
        .post(&desk.path("/total"), &total)
        .problem(403, "token-denied");
    desk.server
        .post(&desk.path("/balance"), &ask("DE2222"))
        .problem(404, "nothing-to-sum");
}

#[test]
fn tellers_at_once_share_one_chain_without_a_gap() {
    let desk = Desk::open();
    thread::scope(|scope| {
        for teller in 0..4 {
            let desk = &desk;
            scope.spawn(move || {
                for number in 0..5 {
                    let nid = format!("DE{teller}000");
                    desk.posted(&nid, "2.00", &key(100 * teller + number));
                }
            });
        }
    });
    let seqs: Vec<u64> = desk.log().into_iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (0..20).collect::<Vec<_>>());
    assert_eq!(desk.release("/balance", &ask("DE3000")).amount, "10.00");
    assert_eq!(
        desk.release("/total", &bodies::AskTotal::default()).amount,
        "40.00"
    );
}

#[test]
fn an_open_book_opens_by_positions_and_takes_no_postings() {
    let desk = Desk::open();
    let body = bodies::NewBook {
        name: "open".into(),
        ..new_book("open")
    };
    let book: api::Book = desk.server.post("/v1/teller/books", &body).ok();
    post(&desk.server, &book.book, "DE1111", "1.00", &key(1)).problem(409, "wrong-kind");
    let euro = Currency::from_code("EUR").expect("in use");
    let entries = (1..=3).map(|number| open_entry(&book, number)).collect();
    let body = append(entries);
    desk.server
        .post(&format!("/v1/books/{}/entries", book.book), &body)
        .ok::<api::Appended>();
    let path = format!("/v1/teller/books/{}/total", book.book);
    let ask = bodies::AskTotal {
        from: Some(1),
        to: Some(3),
        ..bodies::AskTotal::default()
    };
    let released: bodies::Released = desk.server.post(&path, &ask).ok();
    assert_eq!(
        released.statement.amount,
        Amount::from_minor(5, euro).to_string()
    );
    assert_eq!(released.statement.scope, api::Scope::Open);
}

/// An entry of `number` cents.
fn open_entry(of: &api::Book, number: u8) -> api::OpenEntry {
    let key = PublicKey::<Ristretto255Sha512>::from_bytes(&of.public_key.0).expect("decodes");
    let nonce = Nonce::random(&mut rng(u64::from(number)));
    let (c1, c2) = key.encrypt(i64::from(number), nonce).to_bytes();
    api::OpenEntry {
        entry: hex::encode([number; 16]),
        c1: c1[..].into(),
        c2: c2[..].into(),
    }
}

#[test]
fn a_book_is_made_on_token_and_server_once() {
    let desk = Desk::open();
    let reply = desk
        .server
        .post("/v1/teller/books", &new_book("authenticated"));
    assert_eq!(reply.status, 200, "{reply:?}");
    let bad = bodies::NewBook {
        cap: 0,
        ..new_book("authenticated")
    };
    desk.server
        .post("/v1/teller/books", &bad)
        .problem(409, "bad-rules");
    let books: api::Books = desk.server.get("/v1/books").ok();
    assert_eq!(books.books.len(), 1);
}

#[test]
fn a_book_with_another_key_than_the_tokens_is_noticed() {
    let desk = Desk::open();
    let foreign = book(&desk.server);
    let reply = post(
        &desk.server,
        &foreign.id.to_string(),
        "DE1111",
        "1.00",
        &key(1),
    );
    let problem = reply.problem(409, "token-refused");
    assert!(problem.detail.expect("says why").contains("no such book"));
}

#[test]
fn a_token_that_is_not_there_is_a_problem_and_the_ledger_still_works() {
    let dir = tempfile::tempdir().expect("a folder");
    let address = format!("unix:{}", dir.path().join("none.sock").display());
    let address = address.parse().expect("an address");
    let server = Server::on(AppState::new(MemoryStore::new()).with_token(address));
    server
        .get("/v1/teller/info")
        .problem(503, "token-unavailable");
    server.get("/readyz").problem(503, "not-ready");
    assert_eq!(server.get("/livez").status, 200);
    let keys = book(&server);
    let reply = post(&server, &keys.id.to_string(), "DE1111", "1.00", &key(1));
    reply.problem(503, "token-unavailable");
}

#[test]
fn a_full_audit_log_is_read_acknowledged_and_makes_room() {
    let desk = Desk::open();
    desk.posted("DE1111", "1.00", &key(1));
    let ask = ask("DE1111");
    let balance = desk.path("/balance");
    let full = loop {
        let reply = desk.server.post(&balance, &ask);
        if reply.status != 200 {
            break reply;
        }
    };
    full.problem(409, "token-refused");

    let mut known = AuditPosition::default();
    loop {
        let path = format!("/v1/teller/audit?from={}", known.events);
        let log: bodies::AuditLog = desk.server.get(&path).ok();
        let before = (log.first, log.before);
        assert_eq!(before, (known.events, hex::encode(known.hash)), "one chain");
        let events = hex::decode(&log.events).expect("hexadecimal");
        let page = AuditPage::read(known, &events).expect("events");
        if page.events.is_empty() {
            break;
        }
        known = page.after;
    }
    let acknowledge = |through, hash: &str| {
        let hash = hash.to_owned();
        let body = bodies::AcknowledgeAudit { through, hash };
        desk.server.post("/v1/teller/audit", &body)
    };
    acknowledge(known.events, "00").problem(422, "invalid-body");
    acknowledge(known.events, &"00".repeat(32)).problem(409, "token-refused");
    desk.server
        .post(&balance, &ask)
        .problem(409, "token-refused");
    let info = acknowledge(known.events, &hex::encode(known.hash));
    assert_eq!(info.ok::<bodies::Info>().state, "unlocked");
    assert_eq!(desk.server.post(&balance, &ask).status, 200);
}
