//! The way from an account back to a name, for whoever may open balances.

use core_nostd::{
    ids::{BookId, Handle},
    wire::{Policy, Request, Response, Rules, TokenError},
};

use crate::{
    bench::{Answer, Bench, PIN, RULES},
    foreign_keys::{OPEN, X, import},
    wiping::{memory, remembers},
};

/// An account of a NID, and its box.
fn account(bench: &mut Bench, book: BookId, nid: &str) -> (Handle, Vec<u8>) {
    let reply = bench.call(&Request::Handle { book, nid });
    let Response::Handle { handle, sealed_nid } = reply.response() else {
        panic!("{reply:?}")
    };
    (handle, sealed_nid.to_vec())
}

fn reveal(book: BookId, account: Handle, sealed_nid: &[u8]) -> Request<'_> {
    Request::RevealNid {
        book,
        account,
        sealed_nid,
    }
}

#[test]
fn a_box_gives_its_name_back_in_books_of_every_kind_and_then_it_is_forgotten() {
    let mut bench = Bench::unlocked();
    assert_eq!(bench.call(&import(OPEN, &X)).error(), None);
    let open = OPEN.check().expect("good rules").id();
    for book in [bench.book(RULES), open] {
        for (typed, nid) in [
            ("ab-12.34", "AB1234"),
            (
                "AB12-CD34-EF56-GH78-IJ90-KL12-MN34-OP56",
                "AB12CD34EF56GH78IJ90KL12MN34OP56",
            ),
        ] {
            let (handle, sealed) = account(&mut bench, book, typed);
            let reply = bench.call(&reveal(book, handle, &sealed));
            assert_eq!(reply.response(), Response::Nid(nid));
            assert!(nid.len() < 8 || !remembers(&memory(&bench.token), nid.as_bytes()));
        }
    }
}

#[test]
fn a_box_of_another_account_book_or_token_is_refused_unasked() {
    let mut bench = Bench::unlocked();
    let other_rules = Rules {
        name: "other",
        ..RULES
    };
    let (book, other) = (bench.book(RULES), bench.book(other_rules));
    let (alice, sealed) = account(&mut bench, book, "AB1234");
    let (bob, _) = account(&mut bench, book, "CD5678");
    let mut bad = vec![
        reveal(book, bob, &sealed),
        reveal(other, alice, &sealed),
        reveal(book, alice, &sealed[1..]),
        reveal(book, alice, &[]),
    ];
    let changed: Vec<Vec<u8>> = (0..sealed.len())
        .map(|place| {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            changed
        })
        .collect();
    bad.extend(changed.iter().map(|changed| reveal(book, alice, changed)));
    let before = bench.world.button.borrow().asked.len();
    for request in &bad {
        assert_eq!(bench.refusal(request), TokenError::BadBox);
    }
    let unknown = reveal(BookId([1; 32]), alice, &sealed);
    assert_eq!(bench.refusal(&unknown), TokenError::UnknownBook);
    assert_eq!(bench.world.button.borrow().asked.len(), before);
}

#[test]
fn a_name_is_told_only_where_balances_are_and_only_when_a_person_agrees() {
    let mut bench = Bench::unlocked();
    let book = bench.book(RULES);
    let (alice, sealed) = account(&mut bench, book, "AB1234");
    let request = reveal(book, alice, &sealed);
    bench.world.button.borrow_mut().answers = [Answer::No, Answer::Never].into();
    assert_eq!(bench.refusal(&request), TokenError::Denied);
    assert_eq!(bench.refusal(&request), TokenError::PresenceTimeout);
    let asked = bench.world.button.borrow().asked.last().cloned();
    let short: String = alice.0[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        asked,
        Some(format!(
            "reveal ONE NAME of book \"savings\", account {short}"
        ))
    );
    bench.reboot_into(true);
    bench.done(&Request::Unlock { pin: PIN });
    let policy = Policy {
        totals: true,
        balances: false,
        open_sums: true,
    };
    bench.done(&Request::SetPolicy { policy });
    assert_eq!(bench.refusal(&request), TokenError::NotAllowed);
}
