//! What a token keeps in memory, and when it is gone: the bytes of the token itself are looked at
//! while it is unlocked, locked and dropped.
//!
//! The secrets to look for are those that the flash gives to whoever has PIN and device secret.
//! Only a look at raw memory shows that they are wiped, so this module, alone in this package, has
//! `unsafe` in it. It sees the token's own memory, not the stack.

use std::{
    hint::black_box,
    mem::{MaybeUninit, size_of},
};

use core_nostd::{
    ids::BookId,
    keys::RootSeed,
    seal,
    wire::{Request, Response, Rules, TokenError},
};
use firmware_token::pbkdf2;

use crate::bench::{Bench, EVERYTHING, PIN, RULES, provision};

/// The device secret of every bench.
const DEVICE_SECRET: [u8; 32] = [9; 32];

/// The bytes of a value as they lie in memory.
pub fn memory<T>(value: &T) -> Vec<u8> {
    // The compiler can't see where this pointer is from or what was written there.
    let start = black_box(std::ptr::from_ref(value)).cast::<u8>();
    let byte = |offset| {
        // SAFETY: `offset` is below the size of `T`, so this byte belongs to the value, which is
        // borrowed, and a byte needs no alignment. The read is volatile: it takes what is in
        // memory, also where that is between two fields or left from before.
        unsafe { start.add(offset).read_volatile() }
    };
    (0..size_of::<T>()).map(byte).collect()
}

/// Whether any eight bytes in a row of a secret are in memory.
pub fn remembers(memory: &[u8], secret: &[u8]) -> bool {
    memory
        .windows(8)
        .any(|window| secret.windows(8).any(|part| part == window))
}

/// Everything that a token must keep to itself, by name.
type Secrets = Vec<(&'static str, Vec<u8>)>;

/// Opens the identity record in the flash as the token does.
fn secrets(bench: &mut Bench) -> Secrets {
    let writer = bench.info().writer.expect("a token with keys");
    let flash = bench.flash_bytes();
    let at = flash.windows(16).rposition(|bytes| bytes == writer.0);
    let at = at.expect("an identity record");
    let salt: [u8; 16] = flash[at - 16..at].try_into().expect("16 bytes");
    // Behind the writer: role and generation, which are 0, three bytes of policy, the tag, the
    // length 96, the sealed secrets.
    assert_eq!(flash[at + 16..at + 18], [0, 0]);
    let tag = flash[at + 21..at + 37].try_into().expect("16 bytes");
    assert_eq!(flash[at + 37], 96);
    let mut open = flash[at + 38..at + 134].to_vec();
    let mut policy = [0; 16];
    policy[..3].copy_from_slice(
        &[EVERYTHING.totals, EVERYTHING.balances, EVERYTHING.open_sums].map(u8::from),
    );
    let ad: [&[u8]; 4] = [b"tallystick-ident", &salt, &writer.0, &policy];
    let key = pbkdf2(PIN.as_bytes(), &[&salt, &DEVICE_SECRET], 1);
    assert!(seal::open(&key, &ad, &mut open, &tag), "the record opens");

    let seed: [u8; 32] = open[..32].try_into().expect("32 bytes");
    let shared = memory(&RootSeed::from_bytes(&seed).shared_keys());
    let mut secrets = vec![
        ("root seed", seed.to_vec()),
        ("hedge", open[32..64].to_vec()),
        ("store key", open[64..].to_vec()),
        ("stretched PIN", key.to_vec()),
    ];
    secrets.extend(shared.chunks(32).map(|key| ("shared key", key.to_vec())));
    assert_eq!(secrets.len(), 13);
    secrets
}

fn assert_remembers(memory: &[u8], secrets: &Secrets, expected: bool) {
    for (name, secret) in secrets {
        assert_eq!(remembers(memory, secret), expected, "{name}");
    }
}

#[test]
fn locking_wipes_every_secret() {
    let mut bench = Bench::unlocked();
    let secrets = secrets(&mut bench);
    assert_remembers(&memory(&bench.token), &secrets, true);
    bench.done(&Request::Lock);
    assert_remembers(&memory(&bench.token), &secrets, false);

    bench.done(&Request::Unlock { pin: PIN });
    assert_remembers(&memory(&bench.token), &secrets, true);
    for _ in 0..8 {
        let refused = bench.refusal(&Request::Unlock { pin: "000000" });
        assert!(matches!(refused, TokenError::WrongPin { .. }));
    }
    assert_remembers(&memory(&bench.token), &secrets, false);
}

#[test]
fn a_token_that_is_dropped_leaves_no_secret() {
    let mut bench = Bench::unlocked();
    let mut secrets = secrets(&mut bench);
    secrets.push(("device secret", DEVICE_SECRET.to_vec()));
    let mut place = Box::new(MaybeUninit::zeroed());
    place.write(bench.token);
    assert_remembers(&memory(&*place), &secrets, true);
    // SAFETY: the token was written to the place above. It is dropped this once: nothing takes it
    // out, and `MaybeUninit` drops nothing.
    unsafe { place.assume_init_drop() };
    assert_remembers(&memory(&*place), &secrets, false);
}

/// A text that a request carries is in the token's memory only until the answer.
#[test]
fn pins_and_national_ids_are_forgotten_with_their_answer() {
    const LONG_PIN: &str = "a PIN to look for";
    let pin = &LONG_PIN[..16];
    let mut bench: Bench = Bench::new();
    let forgets = |bench: &Bench, text: &str| {
        assert!(!remembers(&memory(&bench.token), text.as_bytes()), "{text}");
    };
    bench.done(&provision(pin));
    forgets(&bench, pin);
    bench.done(&Request::Lock);
    bench.done(&Request::Unlock { pin });
    forgets(&bench, pin);
    let wrong = "another PIN here";
    bench.refusal(&Request::Unlock { pin: wrong });
    forgets(&bench, wrong);
    bench.refusal(&Request::Unlock {
        pin: "not a PIN at all, for it is too long",
    });
    forgets(&bench, "not a PIN at all, for it is too long");
    bench.done(&Request::ChangePin {
        old: pin,
        new: wrong,
    });
    forgets(&bench, pin);
    forgets(&bench, wrong);

    let book: BookId = bench.book(RULES);
    let nid = "AB12-CD34-EF56-GH78";
    let reply = bench.call(&Request::Handle { book, nid });
    assert!(matches!(reply.response(), Response::Handle { .. }));
    forgets(&bench, nid);
    forgets(&bench, "AB12CD34EF56GH78");
}

/// The key of an imported book is in memory no longer than what uses it, locked or not.
#[test]
fn an_imported_key_is_forgotten_with_its_answer() {
    let mut bench: Bench = Bench::unlocked();
    let mut x: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).expect("small") + 0x51);
    x[31] = 1;
    let rules = Rules {
        kind: 2,
        name: "imported",
        ..RULES
    };
    let reply = bench.call(&Request::ImportBook { rules, x: &x });
    let Response::Book(info) = reply.response() else {
        panic!("{reply:?}");
    };
    assert!(!remembers(&memory(&bench.token), &x));
    let reply = bench.call(&Request::PublicKey { book: info.book });
    assert!(matches!(reply.response(), Response::PublicKey(_)));
    assert!(!remembers(&memory(&bench.token), &x));
}

/// The control: what is there is found, wherever it lies.
#[test]
fn what_is_remembered_is_found() {
    let text = "a PIN to look for";
    let mut place = [0_u8; 100];
    assert!(!remembers(&memory(&place), text.as_bytes()));
    place[61..69].copy_from_slice(&text.as_bytes()[5..13]);
    assert!(remembers(&memory(&place), text.as_bytes()));
}
