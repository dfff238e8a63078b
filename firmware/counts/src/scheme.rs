//! The operations of the scheme that have a secret in them. A line each: the secrets, the work.

use core_nostd::{
    ciphersuite::Ciphersuite,
    ciphertext::Ciphertext,
    group::Group,
    keys::{Nonce, SecretKey},
    proof::dleq::{DleqProof, DleqStatement},
    statement::{Header, Scope},
};

use crate::count::Report;

/// Counts them.
pub fn measure<S: Ciphersuite>(report: &Report) {
    report.operation(
        "derive-secret-key",
        |d| (d.seed(), d.place()),
        |(seed, place)| seed.secret_key::<S>(&place.book),
    );
    report.operation("public-key", |d| d.key::<S>(), |key| key.public_key());
    report.operation(
        "take-foreign-key",
        |d| d.foreign_key::<S>(),
        |bytes| SecretKey::<S>::from_bytes(bytes.as_ref()),
    );
    report.operation(
        "encrypt",
        |d| (d.public_key::<S>(), d.amount(), d.nonce::<S>()),
        |(key, m, nonce)| key.encrypt(m, nonce),
    );
    report.operation(
        "encrypt-with-secret-key",
        |d| (d.key::<S>(), d.amount(), d.nonce::<S>()),
        |(key, m, nonce)| key.encrypt(m, nonce),
    );
    report.operation(
        "decrypt",
        |d| (d.key::<S>(), d.ciphertext::<S>()),
        |(key, ciphertext)| key.decrypt_to_element(&ciphertext),
    );
    report.operation(
        "decrypt-with-foreign-key",
        |d| {
            (
                SecretKey::<S>::from_bytes(d.foreign_key::<S>().as_ref()),
                d.ciphertext::<S>(),
            )
        },
        |(key, ciphertext)| key.map(|key| key.decrypt_to_element(&ciphertext)),
    );
    report.operation(
        "check-amount",
        |d| (d.amount(), d.element::<S>()),
        |(m, d)| core_nostd::check_amount::<S>(m, &d),
    );
    report.operation(
        "multiply",
        |d| (d.element::<S>(), d.scalar::<S>()),
        |(element, scalar)| S::Group::mul(&element, &scalar),
    );
    report.operation(
        "multiply-generator",
        |d| d.scalar::<S>(),
        |scalar| S::Group::mul_base(&scalar),
    );
    report.operation(
        "prove",
        |d| (d.scalar::<S>(), d.ciphertext::<S>(), d.proof_nonce::<S>()),
        |(k, Ciphertext { c1, c2 }, nonce)| {
            // Whether it is true does not matter to the prover, who computes alike.
            let statement = DleqStatement {
                a: &S::Group::generator(),
                b: &c2,
                c: &[c1],
                d: &[c2],
                context: &[7; 78],
            };
            DleqProof::prove(&k, &statement, nonce)
        },
    );
}

/// The operations of authenticated books.
pub fn measure_entries<S: Ciphersuite>(report: &Report) {
    report.operation("shared-keys", |d| d.seed(), |seed| seed.shared_keys());
    report.operation(
        "admit",
        |d| (d.rules(), d.minor()),
        |(rules, m)| rules.admit(m),
    );
    report.operation(
        "nonce-of-entry",
        |d| (d.hedge(), d.rng(), d.place(), d.entry_amount()),
        |(hedge, mut rng, place, m)| Nonce::<S>::for_entry(&hedge, &mut rng, &place, m),
    );
    report.operation(
        "entry",
        |d| {
            (
                d.seed().shared_keys(),
                d.key::<S>(),
                d.place(),
                d.entry_amount(),
                d.nonce::<S>(),
            )
        },
        |(shared, key, place, m, nonce)| shared.entry(&key, &place, m, nonce),
    );
    report.operation(
        "entry-as-writer",
        |d| {
            (
                d.seed().shared_keys(),
                d.public_key::<S>(),
                d.place(),
                d.entry_amount(),
                d.nonce::<S>(),
            )
        },
        |(shared, key, place, m, nonce)| shared.entry_with_public_key(&key, &place, m, nonce),
    );
    report.operation(
        "prove-statement",
        |d| {
            let key = d.key::<S>();
            let ciphertext = d.ciphertext::<S>();
            let header = Header {
                number: 1,
                book: d.place().book,
                public_key: key.public_key(),
                count: 1,
                scope: Scope::Open,
                d: key.decrypt_to_element(&ciphertext),
                ciphertext,
            };
            (key, d.hedge(), d.rng(), header)
        },
        |(key, hedge, mut rng, header)| header.prove(&key, &hedge, &mut rng),
    );
}
