//! A book whose key was made elsewhere, by the classic scheme: encrypted with nothing but big
//! integers, summed, and opened by a token that was given the key.

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, Ffdhe3072Sha512, SuiteId},
    keys::SecretKey,
    wire::{StatementRecord, TokenError},
};
use e2e_tests::{
    reference::{Reference, ReferenceGroup, Residues},
    token::{AnyClient, Carrier, TestToken},
};
use num_bigint::BigUint;
use token_client::{OwnedRules, OwnedStatement};

use crate::story::{ALL, PIN, rules};

const AMOUNTS: [i64; 4] = [1250, -300, 0, 7];

fn open(suite: SuiteId, name: &str) -> OwnedRules {
    OwnedRules {
        suite,
        kind: BookKind::Open,
        ..rules(name)
    }
}

/// An integer as the suite encodes it: big-endian, `len` bytes.
fn padded(integer: &BigUint, len: usize) -> Vec<u8> {
    let digits = integer.to_bytes_be();
    [vec![0; len - digits.len()], digits].concat()
}

fn verify(rules: &OwnedRules, key: &[u8], statement: &OwnedStatement, minor: i64) {
    let record = StatementRecord {
        number: statement.number,
        book: statement.book,
        count: statement.count,
        scope: statement.scope.clone(),
        c1: &statement.c1,
        c2: &statement.c2,
        d: &statement.d,
        proof_c: &statement.proof_c,
        proof_s: &statement.proof_s,
    };
    let rules = rules.as_rules();
    assert_eq!(record.verify(&rules, key, minor), Ok(()));
    assert!(record.verify(&rules, key, minor + 1).is_err());
}

/// Encrypts each amount as `(g^r, y^r · g^m)`, multiplies, and lets the token open the product.
fn sum_and_open(
    token: &mut AnyClient,
    rules: &OwnedRules,
    classic: &Reference<Residues>,
    y: &BigUint,
) {
    let book = rules.as_rules().id();
    let one = classic.group.identity();
    let sum = AMOUNTS
        .iter()
        .zip(1_u8..)
        .fold([one.clone(), one], |sum, (m, i)| {
            let r = BigUint::from_bytes_be(&[i; 256]) % classic.group.order();
            classic.add(&sum, &classic.encrypt(y, *m, &r))
        });
    let [c1, c2] = sum.map(|residue| padded(&residue, 256));
    let statement = token
        .release_open(book, 4, [&c1, &c2])
        .expect("the token opens it");
    let total: i64 = AMOUNTS.iter().sum();
    verify(rules, &padded(y, 256), &statement, total);
    token
        .confirm_decode(statement.number, total)
        .expect("the token agrees");
}

fn opens_what_others_encrypted(carrier: Carrier) {
    let dir = tempfile::tempdir().expect("a folder");
    let mut power = TestToken::start(carrier, dir.path());
    let mut token = power.client();
    token.provision(PIN, ALL).expect("the token makes keys");

    let classic = Reference::new(Residues::ffdhe2048(), [0; 32]);
    let x = classic.group.order() - 12_345_u32;
    let y = classic.group.base(&x);
    let key = padded(&x, 256);
    let rules = open(SuiteId::Ffdhe2048, "classic");
    let made = token.import_book(&rules.as_rules(), &key);
    assert_eq!(made.expect("a book").rules, rules);
    let refused = |error: token_client::ClientError| error.token().expect("a refusal");
    let again = token.import_book(&rules.as_rules(), &key);
    assert_eq!(again.map_err(refused), Err(TokenError::BookExists));
    let second = open(SuiteId::Ffdhe2048, "second");
    let twice = token.import_book(&second.as_rules(), &key);
    assert_eq!(twice.map_err(refused), Err(TokenError::KeyInUse));
    let too_large = padded(classic.group.order(), 256);
    let no_key = token.import_book(&second.as_rules(), &too_large);
    assert_eq!(no_key.map_err(refused), Err(TokenError::BadKey));

    let book = rules.as_rules().id();
    let public = token.public_key(book).expect("a key");
    assert_eq!(public, padded(&y, 256));
    sum_and_open(&mut token, &rules, &classic, &y);

    if power.can_restart() {
        drop(token);
        power.kill();
        power.power_on();
        token = power.client();
        token.unlock(PIN).expect("the right PIN");
        assert_eq!(token.public_key(book).expect("a key"), public);
    }
    takes_the_longest_key(&mut token);
}

/// A key of 3071 bits, for the memory that it takes on a device.
fn takes_the_longest_key(token: &mut AnyClient) {
    type Suite = Ffdhe3072Sha512;
    let key = [0x35; 384];
    let rules = open(Suite::ID, "longest");
    token.import_book(&rules.as_rules(), &key).expect("a book");
    let expected = SecretKey::<Suite>::from_bytes(&key).expect("a key");
    let public = token.public_key(rules.as_rules().id()).expect("a key");
    assert_eq!(public, expected.public_key().to_bytes());
}

#[test]
fn in_process() {
    opens_what_others_encrypted(Carrier::InProcess);
}

#[test]
fn pty() {
    opens_what_others_encrypted(Carrier::Pty);
}

#[cfg(feature = "qemu")]
#[test]
fn qemu() {
    opens_what_others_encrypted(Carrier::Qemu);
}
