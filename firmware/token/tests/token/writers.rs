//! The list of writers: whose entries count, and up to where.

use core_nostd::{
    ids::{Handle, WriterId},
    tag::{Cut, LastPosition, Range},
    wire::{Closing, Request, Response, Rules, Standing, TokenError},
};

use crate::{
    bench::{Bench, PIN, RULES},
    enrolment::{empty, enrol, give_book, treasury, writers},
    ledger::{
        Ledger, S, Sum, account, check_statement, public_key, release_balance, release_total,
    },
};

/// A treasury and a writer that have both posted into one book, each eight entries with cuts
/// behind the fourth and the last.
struct Office {
    treasury: Bench,
    writer: Bench,
    /// Ascending by writer.
    ledgers: [Ledger; 2],
    alice: Handle,
    id: WriterId,
}

fn office() -> Office {
    let (mut treasury, mut writer) = (treasury(), empty(2));
    let id = enrol(&mut treasury, &mut writer);
    let book = treasury.book(RULES);
    give_book(&mut treasury, &mut writer, book, id);
    let alice = account(&mut treasury, book, "ALICE1");
    let bob = account(&mut writer, book, "BOB123");
    let mut own = Ledger::new(&mut treasury, book);
    let mut branch = Ledger::new(&mut writer, book);
    // The chains are interleaved in time; nothing depends on it.
    for round in 0..8 {
        own.post(&mut treasury, &[(alice, 100 + round)]);
        branch.post(
            &mut writer,
            &[(if round % 2 == 0 { alice } else { bob }, -round)],
        );
        if round == 3 {
            assert_eq!((own.cut(&mut treasury), branch.cut(&mut writer)), (4, 4));
        }
    }
    assert_eq!((own.cut(&mut treasury), branch.cut(&mut writer)), (8, 8));
    let mut ledgers = [own, branch];
    ledgers.sort_by_key(|ledger| ledger.writer);
    Office {
        treasury,
        writer,
        ledgers,
        alice,
        id,
    }
}

impl Office {
    /// Claims the total up to a cut of each writer, in the order of [`Self::ledgers`].
    fn total(&mut self, to: [u64; 2]) -> Result<i64, TokenError> {
        let book = self.ledgers[0].book;
        let both = || self.ledgers.iter().zip(to);
        let ranges: Vec<Range> = both().map(|(ledger, to)| ledger.range(0, to)).collect();
        let sum = both().fold(Sum::zero(), |sum, (ledger, to)| sum + ledger.total(0..to));
        let minor = both()
            .map(|(ledger, to)| amount(self.id, ledger, 0..to))
            .sum();
        let reply = release_total(book, &ranges, &sum, |request| self.treasury.call(request));
        self.opened(&reply, minor)
    }

    /// Claims alice's balance up to a position of each writer.
    fn balance(&mut self, last: [Option<u64>; 2]) -> Result<i64, TokenError> {
        let book = self.ledgers[0].book;
        let both = || self.ledgers.iter().zip(last);
        let of_alice = |ledger: &Ledger, seq: u64| ledger.entries[&seq].account == self.alice;
        let mut minor = 0;
        let mut sum = Sum::zero();
        for (ledger, last) in both() {
            for seq in (0..last.map_or(0, |last| last + 1)).filter(|seq| of_alice(ledger, *seq)) {
                sum = sum + ledger.entries[&seq].balance;
                minor += amount(self.id, ledger, seq..seq + 1);
            }
        }
        let last = both()
            .map(|(ledger, seq)| LastPosition {
                writer: ledger.writer,
                seq,
            })
            .collect();
        let reply = release_balance(book, &self.alice, last, &sum, |request| {
            self.treasury.call(request)
        });
        self.opened(&reply, minor)
    }

    fn opened(&mut self, reply: &crate::bench::Reply, minor: i64) -> Result<i64, TokenError> {
        let key = public_key::<S, 1024>(&mut self.treasury, self.ledgers[0].book);
        match reply.response() {
            Response::Statement(record) => {
                check_statement(&record, &key, minor);
                Ok(minor)
            }
            Response::Error(error) => Err(error),
            other => panic!("{other:?}"),
        }
    }

    /// Which of the ledgers is the writer's.
    fn branch(&self) -> usize {
        usize::from(self.ledgers[1].writer == self.id)
    }

    /// A pair with one item for the treasury and one for the writer, in the order of the ledgers.
    fn order<T: Copy>(&self, treasurys: T, writers: T) -> [T; 2] {
        let mut both = [treasurys; 2];
        both[self.branch()] = writers;
        both
    }
}

/// What these entries are of, by the amounts of [`office`].
fn amount(branch: WriterId, ledger: &Ledger, positions: std::ops::Range<u64>) -> i64 {
    let rounds = positions.map(|seq| i64::try_from(seq).expect("few"));
    match ledger.writer == branch {
        true => rounds.map(|round| -round).sum(),
        false => rounds.map(|round| 100 + round).sum(),
    }
}

fn closings(items: &[Closing]) -> Vec<u8> {
    let bytes = items.iter().map(|item| {
        let mut room = [0; 16];
        postcard::to_slice(item, &mut room).expect("room").to_vec()
    });
    bytes.collect::<Vec<_>>().concat()
}

#[test]
fn totals_and_balances_run_over_both_chains() {
    let mut office = office();
    assert_eq!(office.total([8, 8]), Ok(828 - 28));
    assert_eq!(office.total([4, 8]).map(|_| ()), Ok(()));
    let last = office.order(Some(7), Some(6));
    assert_eq!(office.balance(last), Ok(828 - 12));
    let last = office.order(None, Some(4));
    assert_eq!(office.balance(last), Ok(-6));
}

#[test]
fn who_is_not_listed_does_not_count_even_with_nothing() {
    let mut office = office();
    // A copy of the treasury from before the enrolment: the same keys, an empty list.
    let mut alone = treasury();
    let book = alone.book(RULES);
    assert_eq!(book, office.ledgers[0].book);
    std::mem::swap(&mut office.treasury, &mut alone);
    assert_eq!(office.total([8, 8]), Err(TokenError::ClaimRefused));
    let nothing_of_it = office.order(8, 0);
    assert_eq!(office.total(nothing_of_it), Err(TokenError::ClaimRefused));
    let last = office.order(Some(7), Some(6));
    assert_eq!(office.balance(last), Err(TokenError::ClaimRefused));
    // Once it is admitted it counts.
    office.treasury.done(&Request::AdmitWriter {
        writer: office.id,
        name: "branch",
    });
    assert_eq!(office.total([8, 8]), Ok(828 - 28));
    assert_eq!(office.total(nothing_of_it), Ok(828));
    assert_eq!(office.balance(last), Ok(828 - 12));
}

#[test]
fn a_revoked_writer_counts_up_to_where_its_chain_was_closed() {
    let mut office = office();
    let end = closings(&[Closing { index: 0, end: 4 }]);
    office.treasury.done(&Request::RevokeWriter {
        writer: office.id,
        closings: &end,
    });
    let asked = office.treasury.world.button.borrow().asked.last().cloned();
    assert_eq!(asked.as_deref(), Some("REVOKE writer \"branch\""));
    let listed = writers(&mut office.treasury);
    assert_eq!(listed, [(office.id, "branch".into(), Standing::Revoked)]);
    office.treasury.reboot_into(true);
    office.treasury.done(&Request::Unlock { pin: PIN });

    let cases = [(8, 8, false), (8, 4, true), (8, 0, true), (0, 4, true)];
    for (own, branch, opens) in cases {
        let to = office.order(own, branch);
        let expected = if opens {
            Ok(())
        } else {
            Err(TokenError::ClaimRefused)
        };
        assert_eq!(office.total(to).map(|_| ()), expected, "{own} {branch}");
    }
    // Alice's entries in its chain are at 0, 2, 4, 6.
    let cases = [
        (Some(2), true),
        (Some(4), false),
        (Some(6), false),
        (None, true),
    ];
    for (branch, opens) in cases {
        let last = office.order(Some(7), branch);
        let expected = if opens {
            Ok(())
        } else {
            Err(TokenError::ClaimRefused)
        };
        assert_eq!(office.balance(last).map(|_| ()), expected, "{branch:?}");
    }
    // It goes on posting, and nothing of that counts.
    let branch = office.branch();
    let ledger = &mut office.ledgers[branch];
    ledger.post(&mut office.writer, &[(office.alice, 1); 4]);
    assert_eq!(ledger.cut(&mut office.writer), 12);
    let to = office.order(8, 12);
    assert_eq!(office.total(to), Err(TokenError::ClaimRefused));
}

#[test]
fn of_a_book_that_is_not_among_the_closings_nothing_counts() {
    let mut office = office();
    let another = office.treasury.book(Rules {
        name: "another",
        ..RULES
    });
    let end = closings(&[Closing { index: 1, end: 99 }]);
    office.treasury.done(&Request::RevokeWriter {
        writer: office.id,
        closings: &end,
    });
    assert_ne!(another, office.ledgers[0].book);
    let to = office.order(8, 4);
    assert_eq!(office.total(to), Err(TokenError::ClaimRefused));
    let to = office.order(8, 0);
    assert_eq!(office.total(to), Ok(828));
}

#[test]
fn a_revocation_is_for_ever_and_must_be_well_formed() {
    let mut office = office();
    let bad: [&[Closing]; 3] = [
        &[Closing { index: 1, end: 4 }],
        &[Closing { index: 0, end: 4 }, Closing { index: 0, end: 5 }],
        &[Closing { index: 0, end: 4 }, Closing { index: 1, end: 5 }],
    ];
    let mut encodings: Vec<Vec<u8>> = bad.iter().map(|items| closings(items)).collect();
    encodings.extend([vec![0], vec![0, 0x80], vec![0, 0x84, 0]]);
    for closings in &encodings {
        let revoke = Request::RevokeWriter {
            writer: office.id,
            closings,
        };
        assert_eq!(office.treasury.refusal(&revoke), TokenError::Malformed);
    }
    let revoke = |writer| Request::RevokeWriter {
        writer,
        closings: &[],
    };
    let own = office.treasury.info().writer.expect("a token with keys");
    for nobody in [WriterId([0; 16]), own] {
        let refused = office.treasury.refusal(&revoke(nobody));
        assert_eq!(refused, TokenError::UnknownWriter);
    }
    assert_eq!(office.total([8, 8]).map(|_| ()), Ok(()), "nothing changed");
    let id = office.id;
    office.treasury.done(&revoke(id));
    let refused = office.treasury.refusal(&revoke(id));
    assert_eq!(refused, TokenError::UnknownWriter);
    let admit = Request::AdmitWriter {
        writer: office.id,
        name: "again",
    };
    assert_eq!(office.treasury.refusal(&admit), TokenError::WriterExists);
}

#[test]
fn the_list_holds_sixteen_and_gives_up_only_places_of_which_nothing_counts() {
    let mut treasury = treasury();
    treasury.book(RULES);
    let admit = |id| Request::AdmitWriter {
        writer: WriterId([id; 16]),
        name: "n",
    };
    for id in 1..=16 {
        treasury.done(&admit(id));
    }
    assert_eq!(treasury.refusal(&admit(16)), TokenError::WriterExists);
    assert_eq!(treasury.refusal(&admit(17)), TokenError::TooManyWriters);
    let full = treasury.refusal(&Request::EnrolOffer);
    assert_eq!(full, TokenError::TooManyWriters);
    let end = closings(&[Closing { index: 0, end: 4 }]);
    for (id, closings) in [(3, &end[..]), (7, &[])] {
        treasury.done(&Request::RevokeWriter {
            writer: WriterId([id; 16]),
            closings,
        });
        let expected = (id == 3).then_some(TokenError::TooManyWriters);
        assert_eq!(treasury.call(&admit(17)).error(), expected, "{id}");
    }
    assert_eq!(treasury.refusal(&admit(18)), TokenError::TooManyWriters);
    treasury.reboot_into(true);
    treasury.done(&Request::Unlock { pin: PIN });
    let listed = writers(&mut treasury);
    assert_eq!(listed.len(), 16);
    assert_eq!(
        (listed[2].0, listed[2].2),
        (WriterId([3; 16]), Standing::Revoked)
    );
    assert_eq!(
        (listed[6].0, listed[6].2),
        (WriterId([17; 16]), Standing::Active)
    );
}

#[test]
fn names_are_held_to_their_bounds() {
    let mut treasury = treasury();
    let long = "x".repeat(33);
    for name in ["", "a\0", "tab\t", long.as_str()] {
        let admit = Request::AdmitWriter {
            writer: WriterId([1; 16]),
            name,
        };
        assert_eq!(treasury.refusal(&admit), TokenError::BadName);
    }
    for (id, name) in [(1, "x"), (2, &long[1..]), (3, "Zweigstelle Süd")] {
        treasury.done(&Request::AdmitWriter {
            writer: WriterId([id; 16]),
            name,
        });
        let listed = writers(&mut treasury);
        assert_eq!(listed.last().map(|(_, name, _)| name.as_str()), Some(name));
    }
}

#[test]
fn a_cut_of_one_writer_is_none_of_another() {
    let mut office = office();
    let [one, other] = office.ledgers.clone();
    let swapped = Range {
        to: Cut {
            position: 4,
            ..other.cuts[&8]
        },
        ..one.range(0, 4)
    };
    let sum = one.total(0..4) + other.total(0..8);
    let ranges = [swapped, other.range(0, 8)];
    release_total(one.book, &ranges, &sum, |request| {
        assert_eq!(office.treasury.refusal(request), TokenError::ClaimRefused);
    });
}
