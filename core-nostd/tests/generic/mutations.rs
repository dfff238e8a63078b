//! Records taken apart into fields, so that a test can flip any bit of any of them.

use core_nostd::{
    ciphersuite::Ciphersuite,
    ciphertext::Ciphertext,
    entry::Entry,
    group::{ByteArray, Group},
    ids::{BookId, Handle, Place, WriterId},
    keys::{Hedge, Nonce, PublicKey, RootSeed, SecretKey, SharedKeys},
    proof::dleq::{DleqProof, DleqStatement, ProofNonce},
    statement::{Header, Scope, Span},
    tag::{Cut, LastPosition, Range, TaggedSum},
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use super::admitted::admitted;

const BOOK: BookId = BookId([0xB0; 32]);
const ACCOUNT: Handle = Handle([0xAC; 32]);
const WRITERS: [WriterId; 2] = [WriterId([0x11; 16]), WriterId([0x77; 16])];

/// The fields of a record, each with its name.
#[derive(Clone)]
struct Fields(Vec<(String, Vec<u8>)>);

impl Fields {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn push(&mut self, name: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.0.push((name.into(), bytes.as_ref().to_vec()));
    }

    fn push_ciphertext<S: Ciphersuite>(&mut self, ciphertext: &Ciphertext<S>) {
        let (c1, c2) = ciphertext.to_bytes();
        self.push("c1", c1);
        self.push("c2", c2);
    }

    fn get(&self, name: &str) -> &[u8] {
        let field = self.0.iter().find(|(field, _)| field == name);
        &field.unwrap_or_else(|| panic!("no field {name}")).1
    }

    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.get(name).try_into().expect("of its length")
    }

    fn number(&self, name: &str) -> u64 {
        u64::from_be_bytes(self.array(name))
    }

    /// The record as it is holds, and with any one bit changed it does not. Every `step`-th bit of
    /// each field is tried, from another start in each.
    fn check_flips(&self, step: usize, holds: impl Fn(&Self) -> bool) {
        self.for_flips(step, |name, bit, changed| {
            assert_eq!(holds(changed), name.is_empty(), "{name}, bit {bit}");
        });
    }

    /// Calls `check` with the record as it is, without a name, then with each bit flipped.
    fn for_flips(&self, step: usize, check: impl Fn(&str, usize, &Self)) {
        check("", 0, self);
        let mut changed = self.clone();
        for (i, (name, bytes)) in self.0.iter().enumerate() {
            let len = 8 * bytes.len();
            for bit in (11 * i % step.min(len)..len).step_by(step) {
                let mask = 0x80 >> (bit % 8);
                changed.0[i].1[bit / 8] ^= mask;
                check(name, bit, &changed);
                changed.0[i].1[bit / 8] ^= mask;
            }
        }
    }
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn decoded<S: Ciphersuite>(fields: &Fields, name: &str) -> Option<<S::Group as Group>::Element> {
    S::Group::decode(fields.get(name)).ok()
}

/// A proof over two pairs: nothing of it, of its elements or of its context can be changed.
pub fn check_proofs<S: Ciphersuite>(step: usize) {
    let mut rng = rng(1);
    let mut scalar = || {
        let mut wide = <S::Group as Group>::WideBytes::zeroed();
        rng.fill_bytes(wide.as_mut());
        (S::Group::reduce(&wide), wide)
    };
    let ((k, _), (_, nonce)) = (scalar(), scalar());
    let [a, c1, c2] = [(); 3].map(|()| S::Group::mul_base(&scalar().0));
    let times_k = |element| S::Group::mul(element, &k);
    let (b, c) = (times_k(&a), [c1, c2]);
    let d = c.each_ref().map(times_k);
    let context = b"a context string";
    let statement = DleqStatement::<S> {
        a: &a,
        b: &b,
        c: &c,
        d: &d,
        context,
    };
    let proof = DleqProof::prove(&k, &statement, ProofNonce::from_uniform_bytes(&nonce));

    let mut fields = Fields::new();
    let elements = [
        ("a", a),
        ("b", b),
        ("c1", c[0]),
        ("c2", c[1]),
        ("d1", d[0]),
        ("d2", d[1]),
    ];
    for (name, element) in elements {
        fields.push(name, S::Group::encode(&element));
    }
    fields.push("context", context);
    push_proof(&mut fields, &proof);
    fields.check_flips(step, |fields| {
        let get = |name| decoded::<S>(fields, name);
        let holds = || {
            let (c, d) = ([get("c1")?, get("c2")?], [get("d1")?, get("d2")?]);
            let (a, b, context) = (&get("a")?, &get("b")?, fields.get("context"));
            let statement = DleqStatement {
                a,
                b,
                c: &c,
                d: &d,
                context,
            };
            get_proof::<S>(fields)?.verify(&statement).ok()
        };
        holds().is_some()
    });
}

fn push_proof<S: Ciphersuite>(fields: &mut Fields, proof: &DleqProof<S>) {
    let (c, s) = proof.to_bytes();
    fields.push("challenge", c);
    fields.push("response", s);
}

fn get_proof<S: Ciphersuite>(fields: &Fields) -> Option<DleqProof<S>> {
    DleqProof::from_bytes(fields.get("challenge"), fields.get("response")).ok()
}

/// What a statement may be about.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Total,
    Balance,
    Open,
}

const KINDS: [Kind; 3] = [Kind::Total, Kind::Balance, Kind::Open];

/// The fields of a statement of `m` and of its scope; the proof is still to come.
fn statement_fields<S: Ciphersuite>(key: &SecretKey<S>, kind: Kind, m: i64) -> Fields {
    let ciphertext = key.encrypt(m, Nonce::random(&mut rng(2)));
    let mut fields = Fields::new();
    fields.push("number", 4_u64.to_be_bytes());
    fields.push("book", BOOK.0);
    fields.push("public key", key.public_key().to_bytes());
    fields.push("count", 32_u64.to_be_bytes());
    for (i, writer) in WRITERS.iter().enumerate().filter(|_| kind != Kind::Open) {
        fields.push(format!("writer {i}"), writer.0);
        fields.push(format!("from {i}"), 20_u64.to_be_bytes());
        if kind == Kind::Total {
            fields.push(format!("to {i}"), 36_u64.to_be_bytes());
        }
    }
    if kind == Kind::Balance {
        fields.push("account", ACCOUNT.0);
    }
    fields.push_ciphertext(&ciphertext);
    fields.push("d", S::Group::encode(&key.decrypt_to_element(&ciphertext)));
    fields.push("amount", m.to_be_bytes());
    fields
}

/// Gives `f` the header that the fields are, if they are one.
fn with_header<S: Ciphersuite, R>(
    fields: &Fields,
    kind: Kind,
    f: impl FnOnce(&Header<'_, S>) -> R,
) -> Option<R> {
    let writer = |i| WriterId(fields.array(&format!("writer {i}")));
    let from = |i| fields.number(&format!("from {i}"));
    let (spans, last);
    let scope = match kind {
        Kind::Total => {
            let to = |i| fields.number(&format!("to {i}"));
            spans = [0, 1].map(|i| Span {
                writer: writer(i),
                from: from(i),
                to: to(i),
            });
            Scope::Total(&spans)
        }
        Kind::Balance => {
            // The second writer has no entry of the account; its position is not there.
            let seq = |i| (i == 0).then(|| from(i));
            last = [0, 1].map(|i| LastPosition {
                writer: writer(i),
                seq: seq(i),
            });
            Scope::Balance {
                account: Handle(fields.array("account")),
                last: &last,
            }
        }
        Kind::Open => Scope::Open,
    };
    let header = Header::<S> {
        number: fields.number("number"),
        book: BookId(fields.array("book")),
        public_key: PublicKey::from_bytes(fields.get("public key")).ok()?,
        count: fields.number("count"),
        scope,
        ciphertext: Ciphertext::from_bytes(fields.get("c1"), fields.get("c2")).ok()?,
        d: decoded::<S>(fields, "d")?,
    };
    Some(f(&header))
}

/// Statements of all kinds: no field can be changed.
pub fn check_statements<S: Ciphersuite>(step: usize) {
    let key = RootSeed::from_bytes(&[9; 32]).secret_key::<S>(&BOOK);
    for kind in KINDS {
        let mut fields = statement_fields(&key, kind, -1250);
        let proof = with_header::<S, _>(&fields, kind, |header| {
            header.prove(&key, &Hedge::from_bytes(&[3; 32]), &mut rng(3))
        });
        push_proof(&mut fields, &proof.expect("a header"));
        if kind == Kind::Balance {
            fields.0.retain(|(name, _)| name != "from 1");
        }
        // One kind of statement goes through everything, the others through less of it.
        let step = match kind {
            Kind::Total => step,
            Kind::Balance | Kind::Open => 7 * step,
        };
        fields.check_flips(step, |fields| {
            let m = i64::from_be_bytes(fields.array("amount"));
            let verified = get_proof::<S>(fields).and_then(|proof| {
                with_header::<S, _>(fields, kind, |header| header.verify(m, &proof))
            });
            verified == Some(Ok(()))
        });
        if kind == Kind::Total {
            fields.push("account", ACCOUNT.0);
            let proof = get_proof::<S>(&fields).expect("two scalars");
            for other in KINDS {
                let read = |header: &Header<'_, S>| header.verify(-1250, &proof).is_ok();
                let holds = with_header::<S, _>(&fields, other, read);
                assert_eq!(holds, Some(other == kind), "a total read as {other:?}");
            }
        }
    }
}

/// The entry of 77 at a place, and of another before it.
fn entries<S: Ciphersuite>(shared: &SharedKeys, place: &Place) -> [Entry<S>; 2] {
    let key = RootSeed::from_bytes(&[9; 32]).secret_key::<S>(&place.book);
    let first = Place {
        seq: 2,
        prev: None,
        ..*place
    };
    [first, *place].map(|place| {
        shared.entry(
            &key,
            &place,
            admitted(77),
            Nonce::random(&mut rng(place.seq)),
        )
    })
}

/// Whether the entry of these fields is a total of its own, and whether it completes the balance
/// of its account. The cuts around it are genuine wherever it claims to stand.
fn entry_holds<S: Ciphersuite>(
    shared: &SharedKeys,
    first: &Entry<S>,
    fields: &Fields,
) -> [bool; 2] {
    let book = BookId(fields.array("book"));
    let writer = WriterId(fields.array("writer"));
    let (seq, account) = (fields.number("seq"), Handle(fields.array("account")));
    let sum = |tag| TaggedSum::<S>::from_bytes(fields.get("c1"), fields.get("c2"), fields.get(tag));
    let cut = |position| shared.cut::<S>(&book, &writer, position);
    let range = Range {
        writer,
        from: cut(seq),
        to: cut(seq.wrapping_add(1)),
    };
    let last = LastPosition {
        writer,
        seq: Some(seq),
    };
    let total = sum("tag").is_ok_and(|sum| shared.verify_total(&book, &[range], &sum) == Ok(1));
    let balance = sum("account tag").is_ok_and(|sum| {
        let sum = sum + first.balance_part();
        shared
            .verify_balance(&book, &account, &[last], &sum)
            .is_ok()
    });
    [total, balance]
}

/// An entry: each field is held by the tag or by the account tag, and the ciphertext by both.
pub fn check_entries<S: Ciphersuite>(step: usize) {
    let shared = RootSeed::from_bytes(&[9; 32]).shared_keys();
    let place = Place {
        book: BOOK,
        writer: WRITERS[0],
        seq: 5,
        account: ACCOUNT,
        prev: Some(2),
    };
    let [first, entry] = entries::<S>(&shared, &place);
    let mut fields = Fields::new();
    fields.push("book", BOOK.0);
    fields.push("writer", place.writer.0);
    fields.push("seq", place.seq.to_be_bytes());
    fields.push("account", ACCOUNT.0);
    fields.push_ciphertext(&entry.ciphertext);
    fields.push("tag", S::Group::encode(&entry.tag));
    fields.push("account tag", S::Group::encode(&entry.account_tag));
    fields.for_flips(step, |name, bit, changed| {
        let expected = match name {
            "" => [true, true],
            "tag" => [false, true],
            "account" | "account tag" => [true, false],
            _ => [false, false],
        };
        assert_eq!(
            entry_holds(&shared, &first, changed),
            expected,
            "{name}, bit {bit}"
        );
    });
    // What the server said of `prev` is in the account tag.
    for prev in [None, Some(0), Some(1), Some(3), Some(2 | 1 << 63)] {
        let [_, entry] = entries::<S>(&shared, &Place { prev, ..place });
        for (name, bytes) in &mut fields.0 {
            let encoded = match name.as_str() {
                "account tag" => S::Group::encode(&entry.account_tag),
                _ => continue,
            };
            *bytes = encoded.as_ref().to_vec();
        }
        assert_eq!(
            entry_holds(&shared, &first, &fields),
            [true, false],
            "{prev:?}"
        );
    }
}

/// Two entries of each writer, with the account's chain through them: the sums of all, and the
/// positions of the last.
fn sums<S: Ciphersuite>(shared: &SharedKeys) -> [TaggedSum<S>; 2] {
    let mut sums = [TaggedSum::zero(); 2];
    for writer in WRITERS {
        let place = Place {
            book: BOOK,
            writer,
            seq: 3,
            account: ACCOUNT,
            prev: Some(2),
        };
        for entry in entries::<S>(shared, &place) {
            sums = [sums[0] + entry.total_part(), sums[1] + entry.balance_part()];
        }
    }
    sums
}

fn push_sum<S: Ciphersuite>(fields: &mut Fields, sum: &TaggedSum<S>) {
    fields.push_ciphertext(&sum.ciphertext);
    fields.push("tag", S::Group::encode(&sum.tag));
}

fn get_sum<S: Ciphersuite>(fields: &Fields) -> Option<TaggedSum<S>> {
    TaggedSum::from_bytes(fields.get("c1"), fields.get("c2"), fields.get("tag")).ok()
}

/// A claim of a total over two writers: sum, positions, writers and the MACs of cuts.
pub fn check_total_claims<S: Ciphersuite>(step: usize) {
    let shared = RootSeed::from_bytes(&[9; 32]).shared_keys();
    let [sum, _] = sums::<S>(&shared);
    let mut fields = Fields::new();
    fields.push("book", BOOK.0);
    for (i, writer) in WRITERS.iter().enumerate() {
        fields.push(format!("writer {i}"), writer.0);
        for (end, position) in [("from", 2), ("to", 4)] {
            let Cut { position, mac } = shared.cut::<S>(&BOOK, writer, position);
            fields.push(format!("{end} {i}"), position.to_be_bytes());
            fields.push(format!("mac {end} {i}"), mac);
        }
    }
    push_sum(&mut fields, &sum);
    fields.check_flips(step, |fields| {
        let cut = |end: &str, i| Cut {
            position: fields.number(&format!("{end} {i}")),
            mac: fields.array(&format!("mac {end} {i}")),
        };
        let ranges = [0, 1].map(|i| {
            let writer = WriterId(fields.array(&format!("writer {i}")));
            Range {
                writer,
                from: cut("from", i),
                to: cut("to", i),
            }
        });
        let book = BookId(fields.array("book"));
        get_sum::<S>(fields).is_some_and(|sum| shared.verify_total(&book, &ranges, &sum) == Ok(4))
    });
}

/// A claim of a balance over two writers.
pub fn check_balance_claims<S: Ciphersuite>(step: usize) {
    let shared = RootSeed::from_bytes(&[9; 32]).shared_keys();
    let [_, sum] = sums::<S>(&shared);
    let mut fields = Fields::new();
    fields.push("book", BOOK.0);
    fields.push("account", ACCOUNT.0);
    for (i, writer) in WRITERS.iter().enumerate() {
        fields.push(format!("writer {i}"), writer.0);
        fields.push(format!("last {i}"), 3_u64.to_be_bytes());
    }
    push_sum(&mut fields, &sum);
    fields.check_flips(step, |fields| {
        let last = [0, 1].map(|i| LastPosition {
            writer: WriterId(fields.array(&format!("writer {i}"))),
            seq: Some(fields.number(&format!("last {i}"))),
        });
        let (book, account) = (
            BookId(fields.array("book")),
            Handle(fields.array("account")),
        );
        get_sum::<S>(fields)
            .is_some_and(|sum| shared.verify_balance(&book, &account, &last, &sum).is_ok())
    });
}
