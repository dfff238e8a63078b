//! A statement verifies as it was made, and in no other form.

use core_nostd::{
    book::{BookKind, BookRules},
    ciphersuite::{Ciphersuite, Ristretto255Sha512, SuiteId},
    currency::Currency,
    group::Group,
    keys::{Hedge, Nonce, SecretKey},
    statement::Header,
};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use token_client::OwnedRules;

use super::*;

type S = Ristretto255Sha512;

/// A statement about `minor` minor units, with a scope that fits `kind`.
pub fn sample(kind: BookKind, minor: i64) -> api::Statement {
    let mut rng = UnwrapErr(SysRng);
    let key = SecretKey::<S>::random(&mut rng);
    let rules = BookRules {
        suite: SuiteId::Ristretto255,
        kind,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 1_000_000,
        min_entries: 16,
        name: "till",
    };
    let book = Book {
        id: rules.id(),
        rules: OwnedRules::from(&rules),
        public_key: key.public_key().to_bytes().to_vec(),
    };
    let span = |writer| Span {
        writer: WriterId([writer; 16]),
        from: 16,
        to: 32,
    };
    let scope = match kind {
        BookKind::Open => ScopeRecord::Open,
        _ => ScopeRecord::Total([span(1), span(2)].into_iter().collect()),
    };
    let ciphertext = key.public_key().encrypt(minor, Nonce::random(&mut rng));
    let header = Header::<S> {
        number: 3,
        book: book.id,
        public_key: key.public_key(),
        count: 32,
        scope: scope.as_scope(),
        ciphertext,
        d: key.decrypt_to_element(&ciphertext),
    };
    let proof = header.prove(&key, &Hedge::from_bytes(&[7; 32]), &mut rng);
    let (c1, c2) = ciphertext.to_bytes();
    let (proof_c, proof_s) = proof.to_bytes();
    let released = OwnedStatement {
        number: header.number,
        book: header.book,
        count: header.count,
        c1: c1.to_vec(),
        c2: c2.to_vec(),
        d: <S as Ciphersuite>::Group::encode(&header.d).to_vec(),
        proof_c: proof_c.to_vec(),
        proof_s: proof_s.to_vec(),
        scope: scope.clone(),
    };
    publishable(&book, &released, minor)
}

#[test]
fn statements_verify_as_they_were_made() {
    for kind in [BookKind::Authenticated, BookKind::Open] {
        for minor in [0, 1234, -1234] {
            let (book, verified) = verify(&sample(kind, minor)).expect("sound");
            assert_eq!((book.rules.name.as_str(), verified), ("till", minor));
        }
    }
    assert_eq!(sample(BookKind::Open, -1234).amount, "-12.34");
}

#[test]
fn no_field_can_be_changed() {
    use StatementError as E;
    type Case = (fn(&mut api::Statement), fn(&E) -> bool);
    let changes: [Case; 13] = [
        (|s| s.format.push('2'), |e| *e == E::Format),
        (|s| s.book.cap += 1, |e| *e == E::Rules),
        (|s| s.book.name.push('2'), |e| *e == E::Rules),
        (|s| s.number += 1, |e| *e == E::Verify(VerifyError::Proof)),
        (
            |s| s.count += 1,
            |e| *e == E::Verify(VerifyError::Inconsistent),
        ),
        (|s| s.minor = "1235".into(), |e| *e == E::Amount),
        (|s| s.minor = "+1234".into(), |e| *e == E::Amount),
        (|s| s.amount = "12.3".into(), |e| *e == E::Amount),
        (
            |s| (s.minor, s.amount) = ("1235".into(), "12.35".into()),
            |e| *e == E::Verify(VerifyError::Amount),
        ),
        (
            |s| s.scope = api::Scope::Open,
            |e| *e == E::Verify(VerifyError::Inconsistent),
        ),
        (
            |s| s.c2 = s.c1.clone(),
            |e| *e == E::Verify(VerifyError::Proof),
        ),
        (
            |s| s.proof_c = s.proof_s.clone(),
            |e| *e == E::Verify(VerifyError::Proof),
        ),
        (
            |s| s.book.public_key = s.c1.clone(),
            |e| *e == E::Verify(VerifyError::Proof),
        ),
    ];
    let sound = sample(BookKind::Authenticated, 1234);
    for (number, (change, is_expected)) in changes.into_iter().enumerate() {
        let mut changed = sound.clone();
        change(&mut changed);
        let error = verify(&changed).expect_err("changed");
        assert!(is_expected(&error), "change {number}: {error:?}");
    }
}

#[test]
fn ranges_can_be_neither_moved_nor_reordered_nor_renamed() {
    let sound = sample(BookKind::Authenticated, 5);
    let changed = |change: fn(&mut Vec<api::Span>)| {
        let mut statement = sound.clone();
        if let api::Scope::Total { ranges } = &mut statement.scope {
            change(ranges);
        }
        verify(&statement).err()
    };
    let moved = changed(|ranges| (ranges[0].from, ranges[0].to) = (17, 33));
    assert_eq!(moved, Some(StatementError::Verify(VerifyError::Proof)));
    assert_eq!(
        changed(|ranges| ranges.swap(0, 1)),
        Some(StatementError::Verify(VerifyError::Inconsistent))
    );
    let doubled = changed(|ranges| ranges[1] = ranges[0].clone());
    assert_eq!(
        doubled,
        Some(StatementError::Verify(VerifyError::Inconsistent))
    );
    let cut_short = changed(|ranges| ranges[0].writer.truncate(31));
    assert_eq!(cut_short, Some(StatementError::Identifier));
}
