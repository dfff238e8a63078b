//! What a server does with entries, in a few lines: it keeps them and adds them up.

use std::collections::BTreeMap;

use core_nostd::{
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    group::Group,
    ids::{BookId, Handle, WriterId},
    keys::PublicKey,
    proof::dleq::DleqProof,
    statement::Header,
    tag::{Cut, LastPosition, Range, TaggedSum},
    wire::{BATCH_LEN_MAX, PerWriter, Posting, Request, Response, SignedEntry, StatementRecord},
};

use crate::bench::{Bench, Reply};

pub type S = Ristretto255Sha512;
pub type Sum = TaggedSum<S>;

/// One entry as the server keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub seq: u64,
    pub account: Handle,
    pub prev: Option<u64>,
    pub total: Sum,
    pub balance: Sum,
}

/// The chain of one token in one book.
#[derive(Clone, Debug)]
pub struct Ledger {
    pub book: BookId,
    pub writer: WriterId,
    pub entries: BTreeMap<u64, Stored>,
    pub cuts: BTreeMap<u64, Cut>,
}

impl Ledger {
    pub fn new<const KIB: u32>(bench: &mut Bench<KIB>, book: BookId) -> Self {
        Self {
            book,
            writer: bench.info().writer.expect("a token with keys"),
            entries: BTreeMap::new(),
            cuts: BTreeMap::from([(0, Cut::START)]),
        }
    }

    pub fn next_seq(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The last position of an account.
    pub fn last(&self, account: &Handle) -> Option<u64> {
        let of_account = |entry: &&Stored| entry.account == *account;
        self.entries
            .values()
            .rfind(of_account)
            .map(|entry| entry.seq)
    }

    /// A posting as a host asks for it.
    pub fn posting(&self, account: &Handle, minor: i64) -> Posting {
        Posting {
            account: *account,
            prev: self.last(account),
            minor,
        }
    }

    pub fn request(&self, postings: &[Posting]) -> Request<'static> {
        match postings {
            [posting] => Request::Post {
                book: self.book,
                expected_seq: self.next_seq(),
                posting: *posting,
            },
            _ => Request::PostBatch {
                book: self.book,
                expected_seq: self.next_seq(),
                postings: postings
                    .iter()
                    .copied()
                    .collect::<heapless::Vec<_, BATCH_LEN_MAX>>(),
            },
        }
    }

    /// Posts, and stores what comes back.
    pub fn post<const KIB: u32>(&mut self, bench: &mut Bench<KIB>, postings: &[(Handle, i64)]) {
        let postings: Vec<Posting> = postings
            .iter()
            .map(|(account, minor)| self.posting(account, *minor))
            .collect();
        let reply = bench.call(&self.request(&postings));
        self.store(&reply);
    }

    /// Stores an answer to a posting: known entries must come again byte for byte.
    pub fn store(&mut self, reply: &Reply) {
        let Response::Posted {
            writer,
            first_seq,
            cut,
            mut entries,
        } = reply.response()
        else {
            panic!("{reply:?}");
        };
        assert_eq!(writer, self.writer);
        let mut seq = first_seq;
        while let Some(entry) = SignedEntry::next_of(&mut entries) {
            let stored = read(seq, &entry);
            let again = self.entries.insert(seq, stored.clone());
            assert!(
                again.is_none_or(|before| before == stored),
                "two entries at {seq}"
            );
            seq += 1;
        }
        assert!(entries.is_empty() && seq > first_seq);
        assert_eq!(
            self.entries.len() as u64,
            *self.entries.keys().last().expect("one") + 1
        );
        self.cuts.extend(cut.map(|cut| (cut.position, cut)));
    }

    /// Cuts the chain and returns the position.
    pub fn cut<const KIB: u32>(&mut self, bench: &mut Bench<KIB>) -> u64 {
        match bench.call(&Request::Cut { book: self.book }).response() {
            Response::Cut { writer, cut } => {
                assert_eq!(writer, self.writer);
                self.cuts.insert(cut.position, cut);
                cut.position
            }
            other => panic!("{other:?}"),
        }
    }

    /// The sum of the entries at these positions, for a total.
    pub fn total(&self, positions: impl IntoIterator<Item = u64>) -> Sum {
        let parts = positions.into_iter().map(|seq| self.entries[&seq].total);
        parts.fold(Sum::zero(), |sum, part| sum + part)
    }

    /// The sum of an account's entries, for its balance.
    pub fn balance(&self, account: &Handle) -> Sum {
        let of_account = self
            .entries
            .values()
            .filter(|entry| entry.account == *account);
        of_account.fold(Sum::zero(), |sum, entry| sum + entry.balance)
    }

    /// The claim to the entries between two cuts.
    pub fn range(&self, from: u64, to: u64) -> Range {
        Range {
            writer: self.writer,
            from: self.cuts[&from],
            to: self.cuts[&to],
        }
    }

    pub fn last_positions(&self, account: &Handle) -> PerWriter<LastPosition> {
        let last = LastPosition {
            writer: self.writer,
            seq: self.last(account),
        };
        [last].into_iter().collect()
    }
}

/// Requests to open a sum.
pub fn release_total<R>(
    book: BookId,
    ranges: &[Range],
    sum: &Sum,
    then: impl FnOnce(&Request<'_>) -> R,
) -> R {
    let (c1, c2, tag) = encoded(sum);
    then(&Request::ReleaseTotal {
        book,
        ranges: ranges.iter().copied().collect(),
        c1: &c1,
        c2: &c2,
        tag: &tag,
    })
}

pub fn release_balance<R>(
    book: BookId,
    account: &Handle,
    last: PerWriter<LastPosition>,
    sum: &Sum,
    then: impl FnOnce(&Request<'_>) -> R,
) -> R {
    let (c1, c2, account_tag) = encoded(sum);
    then(&Request::ReleaseBalance {
        book,
        account: *account,
        last,
        c1: &c1,
        c2: &c2,
        account_tag: &account_tag,
    })
}

pub fn encoded(sum: &Sum) -> ([u8; 32], [u8; 32], [u8; 32]) {
    let (c1, c2) = sum.ciphertext.to_bytes();
    (c1, c2, <S as Ciphersuite>::Group::encode(&sum.tag))
}

/// Verifies a statement as anybody can, and that it opens to `minor`.
pub fn check_statement<T: Ciphersuite>(
    record: &StatementRecord<'_>,
    public_key: &PublicKey<T>,
    minor: i64,
) {
    let header = Header::<T> {
        number: record.number,
        book: record.book,
        public_key: *public_key,
        count: record.count,
        scope: record.scope.as_scope(),
        ciphertext: core_nostd::ciphertext::Ciphertext::from_bytes(record.c1, record.c2)
            .expect("a ciphertext"),
        d: T::Group::decode(record.d).expect("an element"),
    };
    let proof = DleqProof::from_bytes(record.proof_c, record.proof_s).expect("a proof");
    assert_eq!(header.verify(minor, &proof), Ok(()));
    assert!(header.verify(minor + 1, &proof).is_err());
}

pub fn public_key<T: Ciphersuite, const KIB: u32>(
    bench: &mut Bench<KIB>,
    book: BookId,
) -> PublicKey<T> {
    match bench.call(&Request::PublicKey { book }).response() {
        Response::PublicKey(bytes) => PublicKey::from_bytes(bytes).expect("a public key"),
        other => panic!("{other:?}"),
    }
}

/// The handle of a NID in a book.
pub fn account<const KIB: u32>(bench: &mut Bench<KIB>, book: BookId, nid: &str) -> Handle {
    match bench.call(&Request::Handle { book, nid }).response() {
        Response::Handle { handle, sealed_nid } => {
            assert_eq!(sealed_nid.len(), core_nostd::account::SEALED_NID_LEN);
            handle
        }
        other => panic!("{other:?}"),
    }
}

fn read(seq: u64, entry: &SignedEntry<'_>) -> Stored {
    let sum = |tag| Sum::from_bytes(entry.c1, entry.c2, tag).expect("elements");
    Stored {
        seq,
        account: entry.account,
        prev: entry.prev,
        total: sum(entry.tag),
        balance: sum(entry.account_tag),
    }
}
