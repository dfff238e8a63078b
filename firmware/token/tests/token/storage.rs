//! The store: room for a full set of books, edited and damaged flashes.

use core_nostd::{
    ciphersuite::{Ffdhe3072Sha512, Ristretto255Sha512},
    ids::Handle,
    wire::{BOOKS_MAX, Request, Response, Rules, State, TokenError},
};
use firmware_token::{TRIES_MAX, Token, nor::power::Failing};
use proptest::prelude::*;

use crate::{
    audit::make_room,
    bench::{Bench, PIN, RULES, Simulated, provision},
    ledger::Ledger,
    release::release_open,
};

const ALICE: Handle = Handle([1; 32]);

#[test]
fn a_full_set_of_books_with_full_batches_never_fills_the_smallest_store() {
    let mut bench = Bench::<128>::unlocked();
    let most = usize::from(bench.info().batch_len_max);
    let name = |index| format!("{index:02} a name of the greatest length {:015}", 0);
    let names: Vec<_> = (0..BOOKS_MAX).map(name).collect();
    let mut ledgers = vec![];
    for name in &names {
        let book = bench.book(Rules { name, ..RULES });
        ledgers.push(Ledger::new(&mut bench, book));
    }
    let one_more = Request::CreateBook { rules: RULES };
    assert_eq!(bench.refusal(&one_more), TokenError::TooManyBooks);
    for round in 0..3 {
        for ledger in &mut ledgers {
            ledger.post(&mut bench, &vec![(ALICE, 1); most]);
        }
        assert_eq!(ledgers[0].next_seq(), (round + 1) * most as u64);
    }
    bench.reboot();
    bench.done(&Request::Unlock { pin: PIN });
    for (index, ledger) in (0..).zip(&ledgers) {
        match bench.call(&Request::Book { index }).response() {
            Response::Book(info) => {
                assert_eq!((info.book, info.next_seq), (ledger.book, ledger.next_seq()))
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The longest records there are: keys of the longest suite and, in turn, full batches; then the
/// longest statement, while all records are written again.
#[test]
fn keys_from_elsewhere_in_every_other_book_never_fill_the_smallest_store() {
    let mut bench = Bench::<128>::unlocked();
    let most = usize::from(bench.info().batch_len_max);
    let (suite, x_len) = if cfg!(feature = "ffdhe") {
        (3, 384)
    } else {
        (1, 32)
    };
    let mut ledgers = vec![];
    let mut open = None;
    for index in 0..BOOKS_MAX {
        let name = &*format!("{index:02} a name of the greatest length {:015}", 0);
        let mut x = vec![0; x_len];
        x[x_len / 2] = 1 + u8::try_from(index).expect("few books");
        if index % 2 == 0 {
            let book = bench.book(Rules { name, ..RULES });
            ledgers.push(Ledger::new(&mut bench, book));
            continue;
        }
        let rules = Rules {
            suite,
            kind: 2,
            name,
            ..RULES
        };
        let reply = bench.call(&Request::ImportBook { rules, x: &x });
        match reply.response() {
            Response::Book(info) => open = Some(info.book),
            other => panic!("{other:?}"),
        }
    }
    let open = open.expect("open books");
    // The log is full, too; what was read stays in the flash until it is written over.
    make_room(&mut bench);
    for _ in 0..3 {
        for ledger in &mut ledgers {
            ledger.post(&mut bench, &vec![(ALICE, 1); most]);
        }
        let reply = if cfg!(feature = "ffdhe") {
            release_open::<Ffdhe3072Sha512, 128>(&mut bench, open, &[1])
        } else {
            release_open::<Ristretto255Sha512, 128>(&mut bench, open, &[1])
        };
        assert_eq!(reply.error(), None);
    }
}

#[test]
fn a_token_is_small() {
    let size = size_of::<Token<Simulated<128>>>();
    println!("a token has {size} bytes");
    let buffers = usize::from(Bench::<128>::new().info().frame_len_max) * 2;
    assert!(size < buffers + 3 * 1024, "{size}");
}

/// Where each record of a key is in the flash, newest last, by its first bytes.
fn find(bytes: &[u8], needle: &[u8]) -> Vec<usize> {
    let found = bytes
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle);
    found.map(|(at, _)| at).collect()
}

/// The bit-wise checksum of the store's records, so that an edit looks like a record.
fn crc32(data: &[u8]) -> u32 {
    let crc = data.iter().fold(0xeeee_eeee_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0x82f6_3b78
            } else {
                crc >> 1
            }
        })
    });
    match !crc {
        0 => 1,
        value if [0, 0xff].contains(&value.to_le_bytes()[0]) => value ^ 1,
        value => value,
    }
}

/// Changes a byte of the newest record that begins with `start`, and repairs its checksum.
pub fn edit(bench: &mut Bench, start: &[u8], offset: usize, change: impl Fn(u8) -> u8) {
    let mut bytes = bench.flash_bytes();
    let at = *find(&bytes, start).last().expect("the record is there");
    let header = at - 8;
    let len = usize::from(u16::from_le_bytes([bytes[header + 4], bytes[header + 5]]));
    assert_eq!(
        crc32(&bytes[at..at + len]).to_le_bytes(),
        bytes[header..header + 4],
        "this is a record"
    );
    bytes[at + offset] = change(bytes[at + offset]);
    let crc = crc32(&bytes[at..at + len]).to_le_bytes();
    bytes[header..header + 4].copy_from_slice(&crc);
    bench.world.chip.borrow_mut().nor = Failing::new(bytes);
    bench.reboot();
}

#[test]
fn an_edited_flash_is_noticed() {
    let prepared = || {
        let mut bench = Bench::<1024>::unlocked();
        let book = bench.book(RULES);
        let mut ledger = Ledger::new(&mut bench, book);
        ledger.post(&mut bench, &[(ALICE, 5)]);
        bench.reboot();
        (bench, ledger)
    };
    let writer = |bench: &mut Bench| bench.info().writer.expect("keys");

    // The policy in the identity record lies behind key, salt, writer, role and generation.
    let (mut bench, ledger) = prepared();
    let id = writer(&mut bench);
    let bytes = bench.flash_bytes();
    let at = *find(&bytes, &id.0).last().expect("the identity");
    let start = bytes[at - 17..at].to_vec();
    edit(&mut bench, &start, 35, |granted| granted ^ 1);
    let info = bench.info();
    assert_eq!(
        info.policy.map(|policy| policy.totals),
        Some(false),
        "not believed yet"
    );
    let wrong = TokenError::WrongPin {
        tries_left: TRIES_MAX - 1,
    };
    assert_eq!(bench.refusal(&Request::Unlock { pin: PIN }), wrong);

    // The cap in the rules of the book: the key is 0x40.
    let (mut bench, _) = prepared();
    let start = [&[0x40][..], &ledger.book.0].concat();
    edit(&mut bench, &start, 39, |cap| cap ^ 1);
    bench.done(&Request::Unlock { pin: PIN });
    let key = Request::PublicKey { book: ledger.book };
    assert_eq!(bench.refusal(&key), TokenError::StorageFailed);

    // The next position of the chain: the key is 0x80, then 1.
    let (mut bench, ledger) = prepared();
    edit(&mut bench, &[0x80, 1, 0, 1], 1, |_| 0);
    bench.done(&Request::Unlock { pin: PIN });
    let posting = ledger.posting(&ALICE, 1);
    let request = ledger.request(&[posting]);
    assert_eq!(bench.refusal(&request), TokenError::StorageFailed);
    assert_eq!(
        bench.refusal(&Request::LastEntry { book: ledger.book }),
        TokenError::StorageFailed
    );
}

#[test]
fn a_store_that_has_lost_its_identity_is_not_an_empty_token() {
    let mut bench = Bench::<1024>::unlocked();
    bench.book(RULES);
    let id = bench.info().writer.expect("keys");
    let mut bytes = bench.flash_bytes();
    for at in find(&bytes, &id.0) {
        bytes[at] = !bytes[at];
    }
    bench.world.chip.borrow_mut().nor = Failing::new(bytes);
    bench.reboot();
    assert_eq!(bench.refusal(&Request::Hello), TokenError::StorageFailed);
    assert_eq!(bench.refusal(&provision(PIN)), TokenError::StorageFailed);
    assert_eq!(bench.refusal(&Request::Wipe), TokenError::CeremonyRequired);
    bench.reboot_into(true);
    bench.done(&Request::Wipe);
    assert_eq!(bench.info().state, State::Empty);
}

#[test]
fn a_flash_that_fails_is_said_to_and_tried_again() {
    let mut bench = Bench::<1024>::unlocked();
    let book = bench.book(RULES);
    let mut ledger = Ledger::new(&mut bench, book);
    ledger.post(&mut bench, &[(ALICE, 1)]);
    bench
        .world
        .chip
        .borrow_mut()
        .cut_power_after(0, firmware_token::nor::power::Tear::Nothing);
    let posting = ledger.posting(&ALICE, 1);
    let request = ledger.request(&[posting]);
    assert_eq!(bench.refusal(&request), TokenError::StorageFailed);
    assert_eq!(bench.refusal(&request), TokenError::StorageFailed);
    bench.world.chip.borrow_mut().nor.restore_power();
    let reply = bench.call(&request);
    ledger.store(&reply);
    assert_eq!(ledger.next_seq(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_content_of_the_flash_makes_it_panic(
        seed: u64,
        spots in proptest::collection::vec((0_usize..128 * 1024, any::<u8>()), 0..200),
        from_good: bool,
    ) {
        let mut bench = Bench::<128>::new();
        if from_good {
            bench.done(&provision(PIN));
            let book = bench.book(RULES);
            let mut ledger = Ledger::new(&mut bench, book);
            for _ in 0..(seed % 64) {
                ledger.post(&mut bench, &[(ALICE, 1)]);
            }
        }
        let mut bytes = bench.flash_bytes();
        for (at, byte) in spots {
            // Spread out when the flash is empty; if not, near the beginning, where records are.
            let at = if from_good { at % (20 * 1024) } else { at };
            bytes[at] = byte;
        }
        bench.world.chip.borrow_mut().nor = Failing::new(bytes);
        bench.reboot();
        let unlock = Request::Unlock { pin: PIN };
        for request in [unlock, provision(PIN), Request::CreateBook { rules: RULES }] {
            let _ = bench.call(&request).response();
        }
    }
}
