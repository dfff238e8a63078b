//! Proofs: made alike byte for byte, believed alike, and never believed once they are changed.

use core_nostd::{
    ciphersuite::Element,
    group::Group,
    ids::{BookId, Handle, WriterId},
    keys::{Hedge, RootSeed},
    proof::dleq::{DleqProof, DleqStatement, ProofNonce},
    statement::{self, Span},
    tag::LastPosition,
};
use e2e_tests::reference::{Header, Reference, ReferenceGroup, Scope, dleq};
use num_bigint::BigUint;
use proptest::prelude::*;

use super::{Checked, Given, amounts, for_any, nonce, parts, to_oracle, wide};

/// One part of a proof or of what it is about, which is changed afterwards.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Challenge,
    Response,
    A,
    B,
    Pairs,
    Context,
}

fn part() -> impl Strategy<Value = Part> {
    prop::sample::select(vec![
        Part::Challenge,
        Part::Response,
        Part::A,
        Part::B,
        Part::Pairs,
        Part::Context,
    ])
}

/// Proofs over up to three pairs, with context strings that are hashed first, too.
pub fn check_dleq<S: Checked>() {
    let context = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 230..260),
    ];
    let points = prop::collection::vec(wide::<S>(), 0..=3);
    let random = [wide::<S>(), wide::<S>(), wide::<S>()];
    let inputs = (random, points, context, part());
    for_any::<S, _>(inputs, |([base, key, nonce], points, context, part)| {
        let oracle = S::oracle();
        let integer = |wide: &[u8]| oracle.integer(wide) % oracle.order();
        let (k, r) = (integer(key.as_ref()), integer(nonce.as_ref()));
        let big_a = oracle.base(&integer(base.as_ref()));
        let big_b = oracle.mul(&big_a, &k);
        let pair = |wide: &[u8]| {
            let c = oracle.base(&integer(wide));
            (c.clone(), oracle.mul(&c, &k))
        };
        let pairs: Vec<_> = points.iter().map(|wide| pair(wide.as_ref())).collect();
        let plain = dleq::Statement {
            a: &big_a,
            b: &big_b,
            pairs: &pairs,
            context: &context,
        };
        let expected = dleq::prove(&oracle, &plain, &k, &r);
        assert!(dleq::verify(&oracle, &plain, &expected));

        let key = S::Group::reduce(&key);
        let a = S::Group::mul_base(&S::Group::reduce(&base));
        let b = S::Group::mul(&a, &key);
        let c: Vec<Element<S>> = points
            .iter()
            .map(|wide| S::Group::mul_base(&S::Group::reduce(wide)))
            .collect();
        let d: Vec<_> = c.iter().map(|c| S::Group::mul(c, &key)).collect();
        let core = DleqStatement::<S> {
            a: &a,
            b: &b,
            c: &c,
            d: &d,
            context: &context,
        };
        let proof = DleqProof::prove(&key, &core, ProofNonce::from_uniform_bytes(&nonce));
        assert_eq!(scalars(&oracle, &proof), expected);
        assert_eq!(proof.verify(&core), Ok(()));
        check_changed(&oracle, &core, &proof, part);
    });
}

/// The core and the oracle agree on a proof of which one part was changed.
fn check_changed<S: Checked>(
    oracle: &S::Oracle,
    core: &DleqStatement<'_, S>,
    proof: &DleqProof<S>,
    part: Part,
) {
    let g = S::Group::generator();
    let plus = |element: &Element<S>, when: Part| match part == when {
        true => *element + g,
        false => *element,
    };
    let (a, b) = (plus(core.a, Part::A), plus(core.b, Part::B));
    let d: Vec<_> = core.d.iter().map(|d| plus(d, Part::Pairs)).collect();
    let mut context = core.context.to_vec();
    if part == Part::Context {
        context.push(0);
    }
    let one = BigUint::from(1_u8);
    let [mut c, mut s] = scalars(oracle, proof);
    let s_is_zero = s == BigUint::ZERO;
    match part {
        Part::Challenge => c = (c + one) % oracle.order(),
        Part::Response => s = (s + one) % oracle.order(),
        _ => (),
    }
    let changed = DleqStatement::<S> {
        a: &a,
        b: &b,
        c: core.c,
        d: &d,
        context: &context,
    };
    let [c_bytes, s_bytes] = [&c, &s].map(|scalar| oracle.scalar_bytes(scalar));
    let in_core = DleqProof::from_bytes(&c_bytes, &s_bytes)
        .expect("two scalars")
        .verify(&changed)
        .is_ok();

    let [big_a, big_b] = to_oracle::<S, 2>(oracle, [a, b]);
    let pairs: Vec<_> = core
        .c
        .iter()
        .zip(&d)
        .map(|(c, d)| {
            let [c, d] = to_oracle::<S, 2>(oracle, [*c, *d]);
            (c, d)
        })
        .collect();
    let plain = dleq::Statement {
        a: &big_a,
        b: &big_b,
        pairs: &pairs,
        context: &context,
    };
    assert_eq!(in_core, dleq::verify(oracle, &plain, &[c, s]), "{part:?}");
    // `A` is in no transcript, so a response of zero leaves it open; and where `A` and all `C` are
    // the identity, which no statement of ours has, they leave the response open.
    let is_identity = |element| bool::from(S::Group::is_identity(element));
    let is_free = match part {
        Part::Response => is_identity(core.a) && core.c.iter().all(is_identity),
        Part::Pairs => d.is_empty(),
        Part::A => s_is_zero,
        _ => false,
    };
    assert_eq!(in_core, is_free, "{part:?}");
}

fn scalars<S: Checked>(oracle: &S::Oracle, proof: &DleqProof<S>) -> [BigUint; 2] {
    let (c, s) = proof.to_bytes();
    [oracle.integer(c.as_ref()), oracle.integer(s.as_ref())]
}

/// A writer, where its span begins, and the last position of an account.
type Writer = ([u8; 16], u64, Option<u64>);

/// A statement's three kinds of scope.
fn scopes() -> impl Strategy<Value = (u8, Vec<Writer>)> {
    let writer = (any::<[u8; 16]>(), 0..1000_u64, any::<Option<u64>>());
    (0..3_u8, prop::collection::vec(writer, 1..4))
}

/// Statements of totals, balances and open sums: the same proof, which both believe for the amount
/// and for no other.
pub fn check_statements<S: Checked>() {
    let inputs = (
        scopes(),
        any::<[u8; 32]>(),
        any::<u64>(),
        amounts(),
        wide::<S>(),
    );
    let inputs = (inputs, any::<[[u8; 32]; 2]>());
    for_any::<S, _>(
        inputs,
        |(((kind, writers), book, number, m, wide), [hedge, fresh])| {
            let oracle = Reference::new(S::oracle(), [5; 32]);
            let group = &oracle.group;
            let key = RootSeed::from_bytes(&[5; 32]).secret_key::<S>(&BookId(book));
            let x = oracle.x(&book);
            let (nonce, r) = nonce(group, &wide);
            if r == BigUint::ZERO {
                return;
            }
            let ciphertext = key.public_key().encrypt(m, nonce);
            let spans: Vec<Span> = writers
                .iter()
                .map(|(writer, from, _)| Span {
                    writer: WriterId(*writer),
                    from: *from,
                    to: from + 3,
                })
                .collect();
            let last: Vec<LastPosition> = writers
                .iter()
                .map(|(writer, _, seq)| LastPosition {
                    writer: WriterId(*writer),
                    seq: *seq,
                })
                .collect();
            let count = 3 * spans.len() as u64;
            let (scope, plain_scope) = match kind {
                0 => (
                    statement::Scope::Total(&spans),
                    Scope::Total(
                        spans
                            .iter()
                            .map(|s| (&s.writer.0[..], s.from, s.to))
                            .collect(),
                    ),
                ),
                1 => (
                    statement::Scope::Balance {
                        account: Handle([8; 32]),
                        last: &last,
                    },
                    Scope::Balance(
                        &[8; 32],
                        last.iter().map(|l| (&l.writer.0[..], l.seq)).collect(),
                    ),
                ),
                _ => (statement::Scope::Open, Scope::Open),
            };
            let header = statement::Header {
                number,
                book: BookId(book),
                public_key: key.public_key(),
                count,
                scope,
                ciphertext,
                d: key.decrypt_to_element(&ciphertext),
            };
            let [c1, c2] = to_oracle::<S, 2>(group, parts(&ciphertext));
            let plain = Header {
                number,
                book: &book,
                y: group.base(&x),
                count,
                scope: plain_scope,
                d: group.base(&group.signed(m)),
                ciphertext: [c1, c2],
            };
            assert_eq!(header.hash().to_vec(), oracle.header_hash(&plain));
            let proof = header.prove(&key, &Hedge::from_bytes(&hedge), &mut Given(&fresh));
            let expected = oracle.prove(&plain, &x, &hedge, &fresh);
            assert_eq!(scalars(group, &proof), expected);
            assert_eq!(header.verify(m, &proof), Ok(()));
            assert!(oracle.verify(&plain, m, &expected));
            assert!(header.verify(m ^ 1, &proof).is_err());
            assert!(!oracle.verify(&plain, m ^ 1, &expected));
        },
    );
}
