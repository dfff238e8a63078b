//! A book with a few entries, and claims to sums of them, genuine and forged.

use std::{iter::once, ops};

use core_nostd::{
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    group::Group,
    ids::{BookId, Handle, WriterId},
    tag::{Cut, LastPosition, Range, TaggedSum},
    wire::{Policy, Posting, Request, Response, Rules, SignedEntry},
};

use super::{
    PIN, Verdict,
    board::{Attack, Board, Outcome, Question, responses},
    provision,
};

type S = Ristretto255Sha512;
type G = <S as Ciphersuite>::Group;

/// The rules of the book whose total is attacked: three entries make a segment.
const RULES: Rules<'static> = Rules {
    suite: 1,
    kind: 1,
    currency: *b"EUR",
    scale: 2,
    cap: 100_000,
    min_entries: 3,
    name: "glitch",
};

/// The amounts of its entries; behind the third is a cut.
const AMOUNTS: [i64; 4] = [700, -50, 3, 1000];

/// A book with entries of one account, as a server keeps it.
pub struct Book {
    id: BookId,
    account: Handle,
    writer: WriterId,
    cut: Cut,
    /// Each entry's part of a total and of a balance.
    entries: Vec<[TaggedSum<S>; 2]>,
}

/// A claim with a range of entries, or with the last position of the account.
pub struct Claim {
    sum: [[u8; 32]; 3],
    covers: Result<Range, LastPosition>,
}

impl Book {
    /// Provisions the token and posts the entries; the token is left unlocked.
    pub fn new(board: &mut Board, policy: Policy) -> Self {
        provision(board, policy);
        let id = board.call(&Request::CreateBook { rules: RULES }, |response| {
            let Response::Book(book) = response else {
                panic!("{response:?}")
            };
            book.book
        });
        let account = Handle([7; 32]);
        let (mut entries, mut cut) = (Vec::new(), None);
        for (minor, seq) in AMOUNTS.into_iter().zip(0_u64..) {
            let prev = seq.checked_sub(1);
            let posting = Posting {
                account,
                prev,
                minor,
            };
            let post = Request::Post {
                book: id,
                expected_seq: seq,
                posting,
            };
            entries.push(board.call(&post, |response| {
                let Response::Posted { entries, .. } = response else {
                    panic!("{response:?}")
                };
                let entry = SignedEntry::next_of(&mut &**entries).expect("an entry");
                [entry.tag, entry.account_tag]
                    .map(|tag| TaggedSum::from_bytes(entry.c1, entry.c2, tag).expect("elements"))
            }));
            if seq + 1 == u64::from(RULES.min_entries) {
                cut = Some(board.call(&Request::Cut { book: id }, |response| {
                    let Response::Cut { writer, cut } = response else {
                        panic!("{response:?}")
                    };
                    (*writer, *cut)
                }));
            }
        }
        let (writer, cut) = cut.expect("enough entries");
        Self {
            id,
            account,
            writer,
            cut,
            entries,
        }
    }

    /// The sum of some entries as the total up to the cut, with a change to that claim.
    pub fn total(&self, entries: ops::Range<usize>, change: impl Fn(&mut Range)) -> Claim {
        let mut range = Range {
            writer: self.writer,
            from: Cut::START,
            to: self.cut,
        };
        change(&mut range);
        Claim {
            sum: self.sum(entries, 0),
            covers: Ok(range),
        }
    }

    /// The sum of some entries as the balance of their account.
    pub fn balance(&self, entries: ops::Range<usize>) -> Claim {
        let last = LastPosition {
            writer: self.writer,
            seq: Some(3),
        };
        Claim {
            sum: self.sum(entries, 1),
            covers: Err(last),
        }
    }

    fn sum(&self, entries: ops::Range<usize>, part: usize) -> [[u8; 32]; 3] {
        let parts = self.entries[entries].iter().map(|parts| parts[part]);
        let sum = parts.fold(TaggedSum::zero(), |sum, part| sum + part);
        let (c1, c2) = sum.ciphertext.to_bytes();
        [c1, c2, G::encode(&sum.tag)]
    }

    /// Makes a claim to a sum that is `minor`.
    pub fn attack(
        &self,
        board: &mut Board,
        person: Option<char>,
        claim: &Claim,
        minor: i64,
    ) -> (Attack, Verdict) {
        let [c1, c2, tag] = &claim.sum;
        let request = match claim.covers {
            Ok(range) => Request::ReleaseTotal {
                book: self.id,
                ranges: [range].into_iter().collect(),
                c1,
                c2,
                tag,
            },
            Err(last) => Request::ReleaseBalance {
                book: self.id,
                account: self.account,
                last: [last].into_iter().collect(),
                c1,
                c2,
                account_tag: tag,
            },
        };
        let stored = Question {
            data: board.session(&[Request::Unlock { pin: PIN }, Request::LastStatement]),
            restart: true,
            if_changed: true,
        };
        let attack = Attack {
            data: board.session(&[request]),
            person,
            restart: false,
            then: vec![stored],
        };
        let opened = G::encode(&G::mul_base_i64(minor));
        let verdict = move |outcome: &Outcome| {
            once(outcome.sent())
                .chain(outcome.then())
                .find_map(|bytes| {
                    // Also if the frame around it is damaged.
                    let mut release = bytes.windows(16).any(|window| window == &opened[8..24]);
                    responses(&bytes, |response| {
                        release |= matches!(response, Response::Statement(_));
                    });
                    release.then_some("a release")
                })
        };
        (attack, Box::new(verdict))
    }
}
