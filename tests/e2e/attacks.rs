//! Every attack of the design's model, replayed against a real token over the real wire. The
//! sums are made here, from the entries as the server stores them, the way a lying server would.
//!
//! The model's second writer comes with enrolment; here one token writes all.

use core_nostd::{
    ciphersuite::Ristretto255Sha512,
    ciphertext::Ciphertext,
    entry::Entry,
    group::{Group, ristretto255::Ristretto255},
    ids::{BookId, Handle},
    tag::{Cut, LastPosition, Range, TaggedSum},
    wire::{Posting, TokenError},
};
use e2e_tests::{
    desk::Desk,
    server::{Server, StoreKind},
    token::{Carrier, TestToken},
};
use host_api::StoredEntry;
use token_client::{ClientError, OwnedRules};

use crate::story::{provision, rules};

type Sum = TaggedSum<Ristretto255Sha512>;

/// Least number of entries between two cuts, and the amounts, of the model.
const K: u32 = 4;
const AMOUNTS: [(usize, i64); 9] = [
    (0, 500),
    (1, 1200),
    (0, -125),
    (2, 77),
    (1, 3),
    (0, 10),
    (2, -77),
    (3, 1),
    (1, 0),
];
const NIDS: [&str; 4] = ["alice", "bob-1", "carol", "dave-1"];

/// The model's book, and its log as a server sees it.
struct Attack {
    desk: Desk,
    book: BookId,
    other_book: BookId,
    accounts: Vec<Handle>,
    log: Vec<(Handle, u64, Entry<Ristretto255Sha512>)>,
    /// The cut after all entries.
    end: Cut,
}

impl Attack {
    fn prepare(token: &TestToken, server: &Server) -> Self {
        let mut desk = Desk::new(token.client(), server.api.clone());
        provision(&mut desk);
        let [eur, usd] = ["eur", "usd"].map(|name| OwnedRules {
            min_entries: K,
            ..rules(name)
        });
        let (book, other_book) = (desk.create_book(&eur), desk.create_book(&usd));
        let accounts: Vec<_> = NIDS
            .iter()
            .map(|nid| desk.open_account(book, nid))
            .collect();
        for (account, minor) in AMOUNTS {
            desk.post(book, accounts[account], minor);
        }
        desk.cut(book);
        let end = desk.total(book).ranges[0].to;
        assert_eq!(end.position, 9);
        let mut attack = Self {
            desk,
            book,
            other_book,
            accounts,
            log: Vec::new(),
            end,
        };
        attack.read_log();
        attack
    }

    fn read_log(&mut self) {
        let lines = self
            .desk
            .api
            .text(&format!("/v1/books/{}/entries", self.book));
        self.log = lines.expect("the log").lines().map(entry).collect();
    }

    fn range(&self, from: Cut, to: Cut) -> Range {
        Range {
            writer: self.desk.writer(),
            from,
            to,
        }
    }

    fn total(&self, keep: impl Fn(u64) -> bool) -> Sum {
        let kept = self.log.iter().filter(|(_, seq, _)| keep(*seq));
        kept.fold(Sum::zero(), |sum, (_, _, entry)| sum + entry.total_part())
    }

    fn balance(&self, account: usize, keep: impl Fn(u64) -> bool) -> Sum {
        let account = self.accounts[account];
        let kept = self
            .log
            .iter()
            .filter(|(a, seq, _)| *a == account && keep(*seq));
        kept.fold(Sum::zero(), |sum, (_, _, entry)| sum + entry.balance_part())
    }

    fn last(&self, account: usize) -> LastPosition {
        let mine = self
            .log
            .iter()
            .filter(|(a, ..)| *a == self.accounts[account]);
        LastPosition {
            writer: self.desk.writer(),
            seq: mine.map(|(_, seq, _)| *seq).next_back(),
        }
    }

    fn release(&mut self, book: BookId, ranges: &[Range], sum: &Sum) -> Result<i64, TokenError> {
        let [c1, c2, tag] = encode(sum);
        let released = self
            .desk
            .token
            .release_total(book, ranges, [&c1, &c2, &tag]);
        released
            .map(|statement| self.desk.confirm(&statement))
            .map_err(refusal)
    }

    fn release_balance(
        &mut self,
        account: usize,
        last: LastPosition,
        sum: &Sum,
    ) -> Result<i64, TokenError> {
        let [c1, c2, tag] = encode(sum);
        let account = self.accounts[account];
        let released =
            self.desk
                .token
                .release_balance(self.book, account, &[last], [&c1, &c2, &tag]);
        released
            .map(|statement| self.desk.confirm(&statement))
            .map_err(refusal)
    }
}

fn entry(line: &str) -> (Handle, u64, Entry<Ristretto255Sha512>) {
    let entry: StoredEntry = serde_json::from_str(line).expect("an entry");
    let account = Handle::from_hex(&entry.account.expect("an account")).expect("a handle");
    let element = |bytes: &[u8]| Ristretto255::decode(bytes).expect("an element");
    let ciphertext = Ciphertext {
        c1: element(&entry.c1.0),
        c2: element(&entry.c2.0),
    };
    let tag = element(&entry.tag.expect("a tag").0);
    let account_tag = element(&entry.account_tag.expect("a tag").0);
    (
        account,
        entry.seq,
        Entry {
            ciphertext,
            tag,
            account_tag,
        },
    )
}

fn encode(sum: &Sum) -> [[u8; 32]; 3] {
    [sum.ciphertext.c1, sum.ciphertext.c2, sum.tag].map(|e| Ristretto255::encode(&e))
}

fn refusal(error: ClientError) -> TokenError {
    error
        .token()
        .unwrap_or_else(|| panic!("no answer of the token: {error}"))
}

/// Every way of presenting another sum than that of whole segments.
fn attack_totals(attack: &mut Attack) {
    let (book, other_book, end) = (attack.book, attack.other_book, attack.end);
    let all = attack.range(Cut::START, end);
    let sum = attack.total(|_| true);
    let g = Ristretto255::generator();
    let [doubled, left_out, one] = [
        sum + attack.total(|seq| seq == 0),
        attack.total(|seq| seq != 0),
        attack.total(|seq| seq == 0),
    ];
    let weights = (0..9).fold(Sum::zero(), |weighted, seq| {
        weighted + weighted + attack.total(|s| s == seq)
    });
    let mut added = sum;
    added.ciphertext.c2 = (0..1000).fold(added.ciphertext.c2, |c2, _| c2 + g);
    let mut scaled_tag = sum;
    scaled_tag.tag = scaled_tag.tag + g;
    let negated = Sum {
        ciphertext: -sum.ciphertext,
        tag: -sum.tag,
    };
    let to = |position| Range {
        to: Cut {
            position,
            mac: end.mac,
        },
        ..all
    };
    let mut forged = all;
    forged.to.mac[15] ^= 1;
    let foreign = Range {
        writer: core_nostd::ids::WriterId([0xFF; 16]),
        ..all
    };
    let start = attack.range(Cut::START, Cut::START);

    let claims: [(&str, BookId, &[Range], &Sum); 14] = [
        ("an entry left out", book, &[all], &left_out),
        ("an entry doubled", book, &[all], &doubled),
        ("the server adds 1000", book, &[all], &added),
        ("the tag moved", book, &[all], &scaled_tag),
        ("another book", other_book, &[all], &sum),
        ("one entry called a total", book, &[to(1)], &one),
        (
            "one entry less",
            book,
            &[to(8)],
            &attack.total(|seq| seq < 8),
        ),
        ("weights 1, 2, 4, …", book, &[all], &weights),
        (
            "range backwards",
            book,
            &[Range {
                from: all.to,
                to: all.from,
                ..all
            }],
            &negated,
        ),
        ("a writer listed twice", book, &[all, all], &(sum + sum)),
        ("a forged cut", book, &[forged], &sum),
        ("a writer nobody enrolled", book, &[foreign], &sum),
        ("no entries", book, &[start], &sum),
        ("no ranges", book, &[], &sum),
    ];
    for (what, book, ranges, sum) in claims {
        let answer = attack.release(book, ranges, sum);
        assert_eq!(answer, Err(TokenError::ClaimRefused), "{what}");
    }
    let nothing = attack.release(book, &[Range { from: end, ..all }], &Sum::zero());
    assert_eq!(nothing, Err(TokenError::BadElement), "nothing");
    assert_eq!(
        attack.release(book, &[all], &sum),
        Ok(1589),
        "the honest total"
    );
}

/// One more entry can't be had by subtraction: there is no cut, and an old one does not move.
fn attack_by_subtraction(attack: &mut Attack) {
    let book = attack.book;
    attack.desk.post(book, attack.accounts[3], 999);
    attack.read_log();
    let cut = attack.desk.token.cut(book).map_err(refusal);
    assert_eq!(
        cut.map(|cut| cut.cut),
        Err(TokenError::TooFewEntries { missing: K - 1 })
    );
    let ten = attack.range(
        Cut::START,
        Cut {
            position: 10,
            ..attack.end
        },
    );
    let sum = attack.total(|_| true);
    assert_eq!(
        attack.release(book, &[ten], &sum),
        Err(TokenError::ClaimRefused)
    );
}

fn attack_balances(attack: &mut Attack) {
    let (alice, bob) = (0, 1);
    let (last, bobs_last) = (attack.last(alice), attack.last(bob));
    let sum = attack.balance(alice, |_| true);
    let without = attack.balance(alice, |seq| seq != 2);
    let (bobs, mine) = (attack.balance(bob, |_| true), attack.accounts[alice]);
    let tags = attack.log.iter().filter(|(account, ..)| *account == mine);
    let tags = tags.fold(Sum::zero(), |sum, (_, _, entry)| sum + entry.total_part());
    let early = LastPosition {
        seq: Some(2),
        ..last
    };
    let none = LastPosition { seq: None, ..last };
    let claims = [
        ("without the withdrawal", last, &without),
        ("bob's balance as alice's", bobs_last, &bobs),
        ("book tags used for a balance", last, &tags),
        ("an earlier end", early, &sum),
        ("no entries", none, &sum),
    ];
    for (what, last, sum) in claims {
        let answer = attack.release_balance(alice, last, sum);
        assert_eq!(answer, Err(TokenError::ClaimRefused), "{what}");
    }
    assert_eq!(
        attack.release_balance(alice, last, &sum),
        Ok(385),
        "the honest balance"
    );
}

/// Elements that are no elements, and the identity, are told apart from a false claim.
fn attack_encodings(attack: &mut Attack) {
    let all = attack.range(Cut::START, attack.end);
    let [c1, c2, tag] = encode(&attack.total(|_| true));
    // p − 1 is negative, hence not canonical; p is 0 again; the identity is all zeros.
    let mut order_two = [0xFF; 32];
    (order_two[0], order_two[31]) = (0xEC, 0x7F);
    let mut p = order_two;
    p[0] = 0xED;
    for bad in [
        &order_two[..],
        &p,
        &[0; 32],
        &[0xFF; 32],
        &c1[..31],
        &[],
        &[1; 256],
    ] {
        for parts in [[bad, &c2, &tag], [&c1, bad, &tag], [&c1, &c2, bad]] {
            let released = attack.desk.token.release_total(attack.book, &[all], parts);
            assert_eq!(
                released.map_err(refusal),
                Err(TokenError::BadElement),
                "{bad:02x?}"
            );
        }
    }
}

fn attack_postings(attack: &mut Attack) {
    let (book, account) = (attack.book, attack.accounts[2]);
    let head = attack.desk.head(book);
    let good = Posting {
        account,
        prev: Some(6),
        minor: 1,
    };
    let mut post = |seq, posting| attack.desk.token.post(book, seq, posting).map_err(refusal);
    for prev in [head, head + 1, u64::MAX] {
        let posting = Posting {
            prev: Some(prev),
            ..good
        };
        assert_eq!(
            post(head, posting),
            Err(TokenError::BadPrev),
            "prev at or after itself"
        );
    }
    for seq in [0, head - 1, head + 1, u64::MAX] {
        let answer = post(seq, Posting { prev: None, ..good });
        assert_eq!(
            answer,
            Err(TokenError::WrongSeq { next: head }),
            "a stale host's posting"
        );
    }
    for minor in [100_000_000_001, -100_000_000_001, i64::MAX, i64::MIN] {
        let posting = Posting { minor, ..good };
        assert_eq!(
            post(head, posting),
            Err(TokenError::OverCap),
            "above the cap"
        );
    }
    assert_eq!(attack.desk.head(book), head, "nothing was posted");
}

fn every_attack_is_refused(carrier: Carrier) {
    let dir = tempfile::tempdir().expect("a folder");
    let token = TestToken::start(carrier, dir.path());
    let server = Server::start(&StoreKind::Memory);
    let mut attack = Attack::prepare(&token, &server);
    attack_totals(&mut attack);
    attack_balances(&mut attack);
    attack_encodings(&mut attack);
    attack_postings(&mut attack);
    attack_by_subtraction(&mut attack);
    let other = attack
        .desk
        .token
        .public_key(attack.other_book)
        .expect("a key");
    let key = attack.desk.token.public_key(attack.book).expect("a key");
    assert_ne!(key, other, "books have different keys");
}

#[test]
fn in_process() {
    every_attack_is_refused(Carrier::InProcess);
}

#[test]
fn over_a_pseudo_terminal() {
    every_attack_is_refused(Carrier::Pty);
}

#[cfg(feature = "qemu")]
#[test]
fn on_the_firmware_image() {
    every_attack_is_refused(Carrier::Qemu);
}
