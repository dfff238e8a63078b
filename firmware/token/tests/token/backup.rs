//! Shares of the root seed: when they are made, what they bring back, and what they don't.

use core_nostd::{
    backup::{SHARES_MAX, Share},
    ciphersuite::Ristretto255Sha512,
    keys::RootSeed,
    wire::{ITERATION_EXPONENT_MAX, Request, Response, Rules, State, TokenError},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::{
    bench::{Answer, Bench, DiceState, EVERYTHING, PIN, RULES, provision, raw_frame},
    ledger::{Ledger, account, check_statement, public_key, release_total},
    wiping::{memory, remembers},
};

type S = Ristretto255Sha512;

/// A share as it travels.
type Bytes = [u8; Share::SEED_BYTES];

/// An empty token in ceremony mode, with dice of its own.
fn empty(dice: u64) -> Bench {
    let mut bench = Bench::new();
    *bench.world.dice.borrow_mut() = DiceState::Rolling(Box::new(ChaCha8Rng::seed_from_u64(dice)));
    bench.reboot_into(true);
    bench
}

/// A treasury in ceremony mode, unlocked.
fn treasury() -> Bench {
    let mut bench = empty(2);
    bench.done(&provision(PIN));
    bench
}

fn backup(bench: &mut Bench, threshold: u8, shares: u8) -> Vec<Bytes> {
    let reply = bench.call(&Request::Backup { threshold, shares });
    let Response::Shares(bytes) = reply.response() else {
        panic!("{reply:?}")
    };
    let (each, rest) = bytes.as_chunks();
    assert!(rest.is_empty());
    assert_eq!(each.len(), usize::from(shares));
    each.to_vec()
}

fn restore(shares: &[u8]) -> Request<'_> {
    Request::Restore {
        pin: PIN,
        policy: EVERYTHING,
        shares,
    }
}

/// An empty token after it was brought these shares.
fn restored(shares: &[Bytes]) -> Bench {
    let mut bench = empty(3);
    bench.done(&restore(shares.as_flattened()));
    bench
}

/// The keys of two books that every treasury with this seed has.
fn keys(bench: &mut Bench) -> [Vec<u8>; 2] {
    let open = Rules {
        kind: 2,
        name: "open",
        ..RULES
    };
    [RULES, open].map(|rules| {
        let book = bench.book(rules);
        bench.call(&Request::PublicKey { book }).message
    })
}

/// What another implementation wrote: shares in words, as bytes.
fn bytes(words: &str) -> Vec<u8> {
    let share = Share::from_words(words).expect("a share");
    let mut bytes = vec![0; Share::SEED_BYTES];
    let len = share.write_bytes(&mut bytes).expect("room");
    bytes.truncate(len);
    bytes
}

/// Shares of the bytes 0x40 to 0x5f that shamir-mnemonic 0.3.0 made (PyPI), and of their first
/// half.
mod foreign {
    pub const NOT_EXTENDABLE: [&str; 2] = [
        "burning walnut academic acid answer enemy already have numerous guest alcohol relate \
         single friar airport permit overall ancient estimate kind invasion pencil omit \
         peaceful patrol evil silent antenna lawsuit fortune username nylon theory",
        "burning walnut academic agency armed hybrid prize threaten fumes satisfy mouse \
         preach should writing fatal memory suitable flavor plan divorce unkind width \
         merchant welfare webcam curly improve umbrella zero welcome freshman single minister",
    ];
    pub const EXPONENT_1: [&str; 2] = [
        "cause aquatic academic acid alive learn patrol unwrap decorate deploy garden sugar \
         boring lecture viral manager learn parcel market thank advocate rebuild temple much \
         square legend bike cinema machine galaxy lend armed inside",
        "cause aquatic academic agency arcade recall wrap nuclear failure stay beaver pecan \
         failure luck mandate march regret march pickup laden slice snake aviation mansion \
         gesture mountain vintage either easel platform modern presence drove",
    ];
    pub const EXPONENT_4: [&str; 2] = [
        "acquire reunion academic acid ambition pitch spill physics science treat realize \
         priest browser device privacy ladybug payroll activity freshman writing practice \
         unfair equip plot hanger organize cultural rich lawsuit execute budget fragment hush",
        "acquire reunion academic agency amazing resident news upgrade wireless endorse often \
         deliver alto stadium numb laundry client sunlight rebuild practice sack jump roster \
         herald born exclude lyrics estate victim voting omit welcome verdict",
    ];
    pub const EXPONENT_5: [&str; 2] = [
        "punish finance academic acid adequate greatest document game language should \
         platform railroad enjoy install crunch talent ladybug hospital swing kidney acne \
         slush ending estimate blind trash idea geology survive finger thank marathon total",
        "punish finance academic agency arena scared item lair epidemic gross ambition square \
         science darkness robin careful health campus deliver duke very submit emphasis gums \
         grocery ruin walnut talent wisdom reward ordinary negative traveler",
    ];
    /// One of one, and two of three, of two groups.
    pub const GROUPS: [&str; 3] = [
        "resident moment acrobat easy airport maximum paces browser biology squeeze quarter \
         usual blimp angel slim smoking shrimp purple stilt clinic browser senior alcohol \
         spider garbage keyboard transfer axis ocean exchange station music saver",
        "resident moment beard email alive stilt wrist ordinary jerky deal thunder loan \
         extend elegant carbon alien volume squeeze hobo slavery regular discuss hamster \
         national magazine closet glasses cubic minister picture rhyme perfect forward",
        "resident moment beard echo already garden clinic antenna laundry acquire glasses \
         devote idea document snapshot birthday apart easy staff adult crazy various woman \
         sack favorite music fiscal lizard trial drink lamp acne aviation",
    ];
    pub const HALF: [&str; 1] = [
        "herald golden academic academic club viral grocery genuine arena justice herald \
         seafood makeup dish estate findings exact olympic tolerate smoking",
    ];
}

#[test]
fn every_quorum_brings_the_same_keys_back_in_any_order() {
    let mut original = treasury();
    let expected = keys(&mut original);
    for (threshold, shares) in [(1, 1), (2, 3), (3, 5), (SHARES_MAX, SHARES_MAX)] {
        let all = backup(&mut original, threshold, shares);
        let subsets = (0..1_u32 << shares).filter(|set| set.count_ones() == threshold.into());
        for set in subsets {
            let chosen = (0..).zip(&all).filter(|(place, _)| set >> place & 1 == 1);
            let mut chosen: Vec<Bytes> = chosen.map(|(_, share)| *share).collect();
            if set % 2 == 1 {
                chosen.reverse();
            }
            let mut bench = restored(&chosen);
            assert_eq!(keys(&mut bench), expected, "{set:b} of {shares}");
        }
    }
}

#[test]
fn shares_of_another_program_bring_back_the_seed_that_it_was_given() {
    let secret: [u8; 32] = std::array::from_fn(|i| u8::try_from(0x40 + i).expect("small"));
    let expected = RootSeed::from_bytes(&secret);
    for words in [
        &foreign::NOT_EXTENDABLE[..],
        &foreign::EXPONENT_1,
        &foreign::EXPONENT_4,
        &foreign::GROUPS,
    ] {
        let shares: Vec<u8> = words.iter().flat_map(|words| bytes(words)).collect();
        let mut bench = empty(3);
        bench.done(&restore(&shares));
        let book = bench.book(RULES);
        let key = expected.secret_key::<S>(&book).public_key();
        assert!(public_key::<S, 1024>(&mut bench, book) == key);
    }
}

#[test]
fn a_second_backup_makes_other_shares() {
    let mut bench = treasury();
    let (first, second) = (backup(&mut bench, 2, 2), backup(&mut bench, 2, 2));
    for (a, b) in first.iter().zip(&second) {
        assert!(!remembers(&a[8..], &b[8..]));
    }
}

#[test]
fn a_backup_needs_ceremony_mode_a_person_and_a_quorum() {
    let request = |threshold, shares| Request::Backup { threshold, shares };
    let mut bench = treasury();
    let asked = |bench: &Bench| bench.world.button.borrow().asked.clone();
    let before = asked(&bench);
    for (threshold, shares) in [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 2),
        (2, 1),
        (3, 2),
        (1, 16),
        (2, 17),
        (17, 17),
        (255, 255),
    ] {
        let refused = bench.refusal(&request(threshold, shares));
        assert_eq!(refused, TokenError::BadQuorum, "{threshold} of {shares}");
    }
    assert_eq!(asked(&bench), before, "nobody was asked");
    bench.world.button.borrow_mut().answers = [Answer::No, Answer::Never].into();
    assert_eq!(bench.refusal(&request(2, 3)), TokenError::Denied);
    assert_eq!(bench.refusal(&request(2, 3)), TokenError::PresenceTimeout);
    assert_eq!(
        asked(&bench).last().map(String::as_str),
        Some("show the host 3 SHARES OF THE SEED, any 2 enough")
    );
    backup(&mut bench, 2, 3);

    bench.reboot();
    bench.done(&Request::Unlock { pin: PIN });
    let refused = bench.refusal(&request(2, 3));
    assert_eq!(refused, TokenError::CeremonyRequired);
    bench.reboot_into(true);
    assert_eq!(bench.refusal(&request(2, 3)), TokenError::Locked);
}

#[test]
fn a_restored_token_knows_no_chain_and_can_not_go_on_with_one() {
    let mut original = treasury();
    let book = original.book(RULES);
    let alice = account(&mut original, book, "AB123456");
    let mut ledger = Ledger::new(&mut original, book);
    ledger.post(
        &mut original,
        &[(alice, 5), (alice, 6), (alice, 7), (alice, 8)],
    );
    let cut = ledger.cut(&mut original);
    let shares = backup(&mut original, 2, 3);

    let mut bench = restored(&shares[1..]);
    let info = bench.info();
    assert_eq!((info.state, info.books), (State::Unlocked, 0));
    assert_eq!(info.policy, Some(EVERYTHING));
    assert_ne!(info.writer, Some(ledger.writer));
    assert_eq!(bench.book(RULES), book, "the same rules are the same book");
    assert_eq!(account(&mut bench, book, "AB123456"), alice);
    let last = Request::LastEntry { book };
    assert_eq!(bench.refusal(&last), TokenError::NothingStored);
    let next = ledger.request(&[ledger.posting(&alice, 9)]);
    let refused = bench.refusal(&next);
    assert_eq!(refused, TokenError::WrongSeq { next: 0 });

    // What was posted before is not lost: these are the keys of its tags, and its writer can be
    // admitted.
    bench.done(&Request::AdmitWriter {
        writer: ledger.writer,
        name: "the lost one",
    });
    let key = public_key::<S, 1024>(&mut bench, book);
    let (range, sum) = (ledger.range(0, cut), ledger.total(0..cut));
    release_total(book, &[range], &sum, |request| {
        let reply = bench.call(request);
        let Response::Statement(record) = reply.response() else {
            panic!("{reply:?}")
        };
        check_statement(&record, &key, 26);
    });

    // Its own chain is another one.
    let mut own = Ledger::new(&mut bench, book);
    own.post(&mut bench, &[(alice, 1)]);
    assert_ne!(own.entries[&0].total, ledger.entries[&0].total);
    bench.reboot();
    bench.done(&Request::Unlock { pin: PIN });
    own.post(&mut bench, &[(alice, 2)]);
}

#[test]
fn what_is_no_set_of_shares_is_refused_and_good_ones_still_do() {
    let mut original = treasury();
    let (all, others) = (backup(&mut original, 2, 3), backup(&mut original, 2, 3));
    let good = all[..2].as_flattened();
    let foreign = |words: &[&str]| words.iter().flat_map(|words| bytes(words)).collect();
    let changed = |place: usize, bits: u8| {
        let mut bytes = good.to_vec();
        bytes[place] ^= bits;
        bytes
    };
    let bad: [(&str, Vec<u8>); 14] = [
        ("none", vec![]),
        ("too few", all[..1].as_flattened().to_vec()),
        ("too many", all.as_flattened().to_vec()),
        ("one twice", [all[0], all[0]].as_flattened().to_vec()),
        (
            "of two backups",
            [all[0], others[1]].as_flattened().to_vec(),
        ),
        ("a changed word", changed(21, 1)),
        ("a changed checksum", changed(131, 0x80)),
        ("no word at all", changed(20, 4)),
        ("cut short", good[..131].to_vec()),
        ("a word short", good[..130].to_vec()),
        ("a word of a half", foreign(&foreign::HALF)),
        (
            "more than there can be",
            all.repeat(9).as_flattened().to_vec(),
        ),
        ("one of two", foreign(&foreign::EXPONENT_1[..1])),
        ("hours of work", foreign(&foreign::EXPONENT_5)),
    ];
    let exponent = |words| Share::from_words(words).map(|share| share.iteration_exponent());
    assert_eq!(exponent(foreign::EXPONENT_4[0]), Ok(ITERATION_EXPONENT_MAX));
    assert_eq!(
        exponent(foreign::EXPONENT_5[0]),
        Ok(ITERATION_EXPONENT_MAX + 1)
    );

    let mut bench = empty(3);
    for (fault, shares) in bad {
        let refused = bench.refusal(&restore(&shares));
        assert_eq!(refused, TokenError::BadShares, "{fault}");
    }
    let short = Request::Restore {
        pin: "12345",
        policy: EVERYTHING,
        shares: good,
    };
    assert_eq!(bench.refusal(&short), TokenError::BadPin);
    assert_eq!(
        bench.world.button.borrow().asked,
        [""; 0],
        "nobody was asked"
    );
    bench.world.button.borrow_mut().answers = [Answer::No].into();
    assert_eq!(bench.refusal(&restore(good)), TokenError::Denied);
    assert_eq!(bench.info().state, State::Empty);
    bench.reboot();
    let refused = bench.refusal(&restore(good));
    assert_eq!(refused, TokenError::CeremonyRequired);
    bench.reboot_into(true);
    bench.done(&restore(good));
    let refused = bench.refusal(&restore(good));
    assert_eq!(refused, TokenError::AlreadyProvisioned);
}

/// The frames of request and answer are not in the line's buffer any more, nor their parts.
#[test]
fn shares_are_in_no_memory_once_they_are_out_or_in() {
    let mut original = treasury();
    let request = Request::Backup {
        threshold: 2,
        shares: 2,
    };
    let reply = original.call(&request);
    let Response::Shares(shares) = reply.response() else {
        panic!("{reply:?}")
    };
    // The first three words of a share are no secret, and COBS changes what has zeros in it.
    let answer = raw_frame(&reply.header, &reply.message);
    let secrets = [
        &shares[8..66],
        &shares[74..],
        &answer[32..80],
        &answer[100..],
    ];
    let forgets = |bench: &Bench| {
        let memory = memory(&bench.token);
        assert!(secrets.iter().all(|secret| !remembers(&memory, secret)));
        let flash = bench.flash_bytes();
        assert!(secrets.iter().all(|secret| !remembers(&flash, secret)));
    };
    forgets(&original);
    let mut bench = empty(3);
    bench.done(&restore(shares));
    forgets(&bench);
}
