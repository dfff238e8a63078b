//! The core against the slow oracle: the same keys, nonces and places give the same residues, and
//! the numbers of the design's model come out of both.

use core_nostd::{
    book::{BookKind, BookRules, CAP_MAX},
    cap::EntryAmount,
    ciphersuite::{Ciphersuite, Ffdhe2048Sha512 as S},
    ciphertext::Ciphertext,
    currency::Currency,
    group::{ByteArray, Group},
    ids::{BookId, Handle, Place, WriterId},
    keys::{Nonce, RootSeed},
    tag::{Cut, LastPosition, Range, TaggedSum},
};
use e2e_tests::reference::{self, Reference};
use num_bigint::BigUint;
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

type G = <S as Ciphersuite>::Group;

const SEED: [u8; 32] = [0x5E; 32];
const BOOK: BookId = BookId([0xB0; 32]);

fn residue(element: &<G as Group>::Element) -> BigUint {
    BigUint::from_bytes_be(G::encode(element).as_ref())
}

fn element(residue: &BigUint) -> <G as Group>::Element {
    let bytes = residue.to_bytes_be();
    let mut padded = <G as Group>::ElementBytes::zeroed();
    padded[256 - bytes.len()..].copy_from_slice(&bytes);
    G::decode(&padded).expect("a residue of the subgroup")
}

/// The nonce that the core draws from a generator, and the integer it is.
fn nonce(seed: u64) -> (Nonce<S>, BigUint) {
    let mut wide = <G as Group>::WideBytes::zeroed();
    ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut wide);
    (
        Nonce::random(&mut ChaCha20Rng::seed_from_u64(seed)),
        reference::short(&wide),
    )
}

/// An amount that the rules of some book admit.
fn admitted(m: i64) -> EntryAmount {
    let rules = BookRules {
        suite: S::ID,
        kind: BookKind::Authenticated,
        currency: Currency::from_code("EUR").expect("an active code"),
        cap: CAP_MAX,
        min_entries: 16,
        name: "any",
    };
    rules.admit(m).expect("within the cap")
}

#[test]
fn keys_and_ciphertexts_agree() {
    let oracle = Reference::new(SEED);
    let key = RootSeed::from_bytes(&SEED).secret_key::<S>(&BOOK);
    let x = oracle.x(&BOOK.0);
    let y = oracle.base(&x);
    assert_eq!(residue(key.public_key().element()), y);
    for (seed, m) in (1..).zip([0, 1, -1, 950, -1_250_000, i64::MAX, i64::MIN]) {
        let (nonce, r) = nonce(seed);
        let Ciphertext { c1, c2 } = key.public_key().encrypt(m, nonce);
        let expected = oracle.encrypt(&y, m, &r);
        assert_eq!([residue(&c1), residue(&c2)], expected, "{m}");
        let [c1, c2] = &expected;
        let opened = oracle.decrypt(&x, [c1, c2]);
        assert_eq!(opened, oracle.base(&oracle.signed(m)));
        let ciphertext = Ciphertext {
            c1: element(c1),
            c2: element(c2),
        };
        assert_eq!(residue(&key.decrypt_to_element(&ciphertext)), opened, "{m}");
    }
}

/// The model's nine postings of one writer: (account, amount), and its account's previous position.
const POSTINGS: [(u8, i64, Option<u64>); 9] = [
    (b'a', 500, None),
    (b'b', 1200, None),
    (b'a', -125, Some(0)),
    (b'c', 77, None),
    (b'b', 3, Some(1)),
    (b'a', 10, Some(2)),
    (b'c', -77, Some(3)),
    (b'd', 1, None),
    (b'b', 0, Some(4)),
];

#[test]
fn entries_and_releases_agree_and_give_the_numbers_of_the_model() {
    let oracle = Reference::new(SEED);
    let seed = RootSeed::from_bytes(&SEED);
    let (shared, key) = (seed.shared_keys(), seed.secret_key::<S>(&BOOK));
    let writer = WriterId([1; 16]);
    let mut total = TaggedSum::<S>::zero();
    let mut balance = TaggedSum::<S>::zero();
    for (seq, (account, m, prev)) in (0..).zip(POSTINGS) {
        let account = Handle([account; 32]);
        let place = Place {
            book: BOOK,
            writer,
            seq,
            account,
            prev,
        };
        let (nonce, r) = nonce(100 + seq);
        let entry = shared.entry(&key, &place, admitted(m), nonce);
        let plain = reference::Place {
            book: &BOOK.0,
            writer: &writer.0,
            account: &account.0,
            seq,
            prev,
        };
        let got = [
            entry.ciphertext.c1,
            entry.ciphertext.c2,
            entry.tag,
            entry.account_tag,
        ];
        assert_eq!(
            got.map(|e| residue(&e)),
            oracle.entry(&plain, m, &r),
            "entry {seq}"
        );
        total = total + entry.total_part();
        if account.0[0] == b'a' {
            balance = balance + entry.balance_part();
        }
    }
    let parts = |sum: &TaggedSum<S>| [sum.ciphertext.c1, sum.ciphertext.c2].map(|e| residue(&e));
    let x = oracle.x(&BOOK.0);

    let [c1, c2] = parts(&total);
    let mask = oracle.segment(&BOOK.0, &writer.0, 0, 9);
    assert_eq!(residue(&total.tag), oracle.tag(&BOOK.0, [&c1, &c2], &mask));
    let range = Range {
        writer,
        from: Cut::START,
        to: shared.cut::<S>(&BOOK, &writer, 9),
    };
    assert_eq!(shared.verify_total(&BOOK, &[range], &total), Ok(9));
    assert_eq!(
        oracle.decrypt(&x, [&c1, &c2]),
        oracle.base(&BigUint::from(1589_u16))
    );

    let [c1, c2] = parts(&balance);
    let alice = Handle([b'a'; 32]);
    let scope = [&BOOK.0[..], &writer.0, &alice.0];
    let mask = oracle.account_segment(scope, None, Some(5));
    let tag = oracle.account_tag(&BOOK.0, &alice.0, [&c1, &c2], &mask);
    assert_eq!(residue(&balance.tag), tag);
    let last = LastPosition {
        writer,
        seq: Some(5),
    };
    assert_eq!(
        shared.verify_balance(&BOOK, &alice, &[last], &balance),
        Ok(())
    );
    assert_eq!(
        oracle.decrypt(&x, [&c1, &c2]),
        oracle.base(&BigUint::from(385_u16))
    );
}
