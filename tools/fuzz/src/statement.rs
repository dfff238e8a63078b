//! Statements: a record verifies as it was made and in no other form.

use std::sync::LazyLock;

use core_nostd::{
    book::BookKind,
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    group::Group,
    ids::{Handle, WriterId},
    keys::{Hedge, Nonce, RootSeed},
    statement::{Header, Scope, Span},
    tag::LastPosition,
    wire::{self, PerWriter, StatementRecord, scope::ScopeRecord},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::{suite::rules, without_heap};

/// The number of a genuine statement, then a record: it verifies with that statement's rules, key
/// and amount if and only if it is that statement's, byte for byte.
pub fn statement(data: &[u8]) -> bool {
    let Some((number, bytes)) = data.split_first() else {
        return false;
    };
    let Some(genuine) = GENUINE.get(usize::from(*number)) else {
        return false;
    };
    let Some(record) = without_heap(|| wire::decode::<StatementRecord<'_>>(bytes)) else {
        return false;
    };
    let rules = rules(genuine.suite, genuine.kind);
    let verified = without_heap(|| record.verify(&rules, &genuine.public_key, MINOR));
    assert_eq!(verified.is_ok(), bytes == genuine.record, "{verified:?}");
    verified.is_ok()
}

/// What every genuine statement opens.
const MINOR: i64 = -1250;

/// One statement for each suite and scope.
pub(crate) static GENUINE: LazyLock<Vec<Genuine>> = LazyLock::new(|| {
    let suites = SuiteId::ALL.into_iter();
    suites.flat_map(|suite| suite.dispatch(Make)).collect()
});

/// A statement that verifies, and what it verifies with.
pub(crate) struct Genuine {
    suite: SuiteId,
    kind: BookKind,
    public_key: Vec<u8>,
    /// The record as it travels.
    pub(crate) record: Vec<u8>,
}

struct Make;

impl SuiteVisitor for Make {
    type Output = Vec<Genuine>;

    fn visit<S: Ciphersuite>(self) -> Vec<Genuine> {
        let spans = [(1, 0, 20), (2, 16, 300)].map(|(writer, from, to)| Span {
            writer: WriterId([writer; 16]),
            from,
            to,
        });
        let last = [(1, Some(19)), (2, None)].map(|(writer, seq)| LastPosition {
            writer: WriterId([writer; 16]),
            seq,
        });
        let balance = ScopeRecord::Balance {
            account: Handle([0xAC; 32]),
            last: PerWriter::from_slice(&last).expect("few writers"),
        };
        let total = ScopeRecord::Total(PerWriter::from_slice(&spans).expect("few writers"));
        [(total, 304), (balance, 0), (ScopeRecord::Open, 3)]
            .map(|(scope, count)| make::<S>(scope, count))
            .into()
    }
}

fn make<S: Ciphersuite>(scope: ScopeRecord, count: u64) -> Genuine {
    let kind = match scope.as_scope() {
        Scope::Open => BookKind::Open,
        _ => BookKind::Authenticated,
    };
    let book = rules(S::ID, kind).id();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let key = RootSeed::from_bytes(&[7; 32]).secret_key::<S>(&book);
    let ciphertext = key.encrypt(MINOR, Nonce::random(&mut rng));
    let header = Header {
        number: 4,
        book,
        public_key: key.public_key(),
        count,
        scope: scope.as_scope(),
        ciphertext,
        d: key.decrypt_to_element(&ciphertext),
    };
    let proof = header.prove(&key, &Hedge::from_bytes(&[9; 32]), &mut rng);
    let (c1, c2) = ciphertext.to_bytes();
    let d = S::Group::encode(&header.d);
    let (proof_c, proof_s) = proof.to_bytes();
    let record = StatementRecord {
        number: header.number,
        book,
        count,
        scope: scope.clone(),
        c1: c1.as_ref(),
        c2: c2.as_ref(),
        d: d.as_ref(),
        proof_c: proof_c.as_ref(),
        proof_s: proof_s.as_ref(),
    };
    Genuine {
        suite: S::ID,
        kind,
        public_key: header.public_key.to_bytes().as_ref().to_vec(),
        record: postcard::to_allocvec(&record).expect("a record can be encoded"),
    }
}
