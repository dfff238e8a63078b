//! Keys, encryption, the group law of ciphertexts, and entries.

use core_nostd::{
    ciphersuite::Ciphersuite,
    entry::Entry,
    group::Group,
    ids::{BookId, Handle, Place, WriterId},
    keys::{Hedge, Nonce, RootSeed, SecretKey},
};
use e2e_tests::reference::{self, Field, Reference, ReferenceGroup};
use num_bigint::BigUint;
use proptest::prelude::*;

use super::{
    Checked, Given, amounts, core_bytes, entry_amounts, for_any, nonce, oracle_bytes, parts, wide,
};

/// The same seed gives the same keys; the same nonce the same ciphertext, by either way of
/// encrypting; and both decrypt it to the same element.
pub fn check_encryption<S: Checked>() {
    let inputs = (any::<[u8; 32]>(), any::<[u8; 32]>(), amounts(), wide::<S>());
    for_any::<S, _>(inputs, |(seed, book, m, wide)| {
        let oracle = Reference::new(S::oracle(), seed);
        let group = &oracle.group;
        let key = RootSeed::from_bytes(&seed).secret_key::<S>(&BookId(book));
        let x = oracle.x(&book);
        let y = group.base(&x);
        assert_eq!(key.public_key().to_bytes().as_ref(), group.encode(&y));

        let ciphertext = key.public_key().encrypt(m, nonce(group, &wide).0);
        let (again, r) = nonce(group, &wide);
        assert_eq!(key.encrypt(m, again), ciphertext);
        let expected = oracle.encrypt(&y, m, &r);
        let opened = oracle.decrypt(&x, &expected);
        assert_eq!(opened, group.base(&group.signed(m)));
        assert_eq!(
            core_bytes::<S, 1>([key.decrypt_to_element(&ciphertext)]),
            oracle_bytes(group, [opened])
        );
        assert_eq!(
            core_bytes::<S, 2>(parts(&ciphertext)),
            oracle_bytes(group, expected)
        );
    });
}

/// A key from elsewhere may be as long as the order: both have its public key and decrypt with it.
pub fn check_foreign_keys<S: Checked>() {
    let inputs = (wide::<S>(), amounts(), wide::<S>());
    for_any::<S, _>(inputs, |(x, m, r)| {
        let oracle = Reference::new(S::oracle(), [0; 32]);
        let group = &oracle.group;
        let x = group.integer(x.as_ref()) % group.order();
        let Ok(key) = SecretKey::<S>::from_bytes(&group.scalar_bytes(&x)) else {
            assert_eq!(x, BigUint::ZERO, "the one scalar that is no key");
            return;
        };
        let y = group.base(&x);
        assert_eq!(key.public_key().to_bytes().as_ref(), group.encode(&y));
        let (nonce, r) = nonce(group, &r);
        let ciphertext = key.encrypt(m, nonce);
        let expected = oracle.encrypt(&y, m, &r);
        let opened = oracle.decrypt(&x, &expected);
        assert_eq!(
            core_bytes::<S, 2>(parts(&ciphertext)),
            oracle_bytes(group, expected)
        );
        assert_eq!(
            core_bytes::<S, 1>([key.decrypt_to_element(&ciphertext)]),
            oracle_bytes(group, [opened])
        );
    });
}

/// Sums, differences, negation, scaling and re-randomisation give the same ciphertexts.
pub fn check_group_law<S: Checked>() {
    let scalings = prop_oneof![amounts(), -3_i64..=3];
    let inputs = (
        [amounts(), amounts()],
        scalings,
        [wide::<S>(), wide::<S>(), wide::<S>()],
    );
    for_any::<S, _>(inputs, |([m, n], k, [r, s, t])| {
        let oracle = Reference::new(S::oracle(), [7; 32]);
        let group = &oracle.group;
        let key = RootSeed::from_bytes(&[7; 32])
            .secret_key::<S>(&BookId([1; 32]))
            .public_key();
        let y = group.base(&oracle.x(&[1; 32]));
        let ((r, big_r), (s, big_s), (t, big_t)) =
            (nonce(group, &r), nonce(group, &s), nonce(group, &t));
        let (a, b) = (key.encrypt(m, r), key.encrypt(n, s));
        let (big_a, big_b) = (oracle.encrypt(&y, m, &big_r), oracle.encrypt(&y, n, &big_s));
        let pairs = [
            (a + b, oracle.add(&big_a, &big_b)),
            ([a, b].into_iter().sum(), oracle.add(&big_a, &big_b)),
            (a - b, oracle.sub(&big_a, &big_b)),
            (-a, oracle.neg(&big_a)),
            (a.scale(k), oracle.scale(&big_a, k)),
            (
                key.rerandomize(&a, t),
                oracle.rerandomize(&y, &big_a, &big_t),
            ),
        ];
        for (i, (core, expected)) in pairs.into_iter().enumerate() {
            let expected = oracle_bytes(group, expected);
            assert_eq!(core_bytes::<S, 2>(parts(&core)), expected, "operation {i}");
        }
    });
}

/// A treasury and a writer make the entry of the definition, with the hedged nonce of the
/// definition.
pub fn check_entries<S: Checked>() {
    let position = prop_oneof![0..10_u64, Just(u64::MAX - 1), any::<u64>()];
    let place = (
        any::<[u8; 32]>(),
        any::<[u8; 16]>(),
        position,
        any::<[u8; 32]>(),
    );
    let inputs = (
        place,
        any::<Option<u64>>(),
        entry_amounts(),
        any::<[[u8; 32]; 2]>(),
    );
    for_any::<S, _>(
        inputs,
        |((book, writer, seq, account), prev, m, [hedge, fresh])| {
            let seq = seq.min(u64::MAX - 1);
            let place = Place {
                book: BookId(book),
                writer: WriterId(writer),
                seq,
                account: Handle(account),
                prev,
            };
            let plain = reference::Place {
                book: &book,
                writer: &writer,
                account: &account,
                seq,
                prev,
            };
            let oracle = Reference::new(S::oracle(), [9; 32]);
            let wide = oracle.hedged(
                &hedge,
                &fresh,
                b"entry",
                &[
                    Field::Bytes(&writer),
                    Field::Bytes(&book),
                    Field::Number(seq),
                    Field::Bytes(&account),
                    prev.into(),
                    Field::Number(m.minor().cast_unsigned()),
                ],
            );
            let expected = oracle.entry(&plain, m.minor(), &oracle.group.short(&wide));
            let expected = oracle_bytes(&oracle.group, expected);

            let nonce = || {
                let hedge = Hedge::from_bytes(&hedge);
                Nonce::for_entry(&hedge, &mut Given(&fresh), &place, m)
            };
            let seed = RootSeed::from_bytes(&[9; 32]);
            let (shared, key) = (seed.shared_keys(), seed.secret_key::<S>(&place.book));
            let by_treasury = shared.entry(&key, &place, m, nonce());
            let by_writer = shared.entry_with_public_key(&key.public_key(), &place, m, nonce());
            assert_eq!(entry_bytes(&by_treasury), expected);
            assert_eq!(entry_bytes(&by_writer), expected);
        },
    );
}

/// The encodings of `c1, c2, tag, account_tag`.
pub fn entry_bytes<S: Ciphersuite>(entry: &Entry<S>) -> [Vec<u8>; 4] {
    let [c1, c2] = parts(&entry.ciphertext);
    [c1, c2, entry.tag, entry.account_tag].map(|e| S::Group::encode(&e).as_ref().to_vec())
}
