//! What the scheme must do in every suite: encryption, group law, tags, releases, statements.

use std::convert::Infallible;

use core_nostd::{
    check_amount,
    ciphersuite::Ciphersuite,
    ciphertext::Ciphertext,
    entry::Entry,
    error::{ClaimRefused, VerifyError},
    group::Group,
    ids::{BookId, Handle, Place, WriterId},
    keys::{Hedge, Nonce, RootSeed, SecretKey, SharedKeys},
    proof::dleq::DleqProof,
    statement::{Header, Scope, Span},
    tag::{Cut, LastPosition, Range, TaggedSum},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rand_core::{TryCryptoRng, TryRng};

use super::admitted::admitted;

const BOOK: BookId = BookId([0xB0; 32]);
const OTHER_BOOK: BookId = BookId([0xB1; 32]);
const AMOUNTS: [i64; 7] = [0, 1, -1, 1250, -99_999, i64::MAX, i64::MIN];

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn nonce<S: Ciphersuite>(seed: u64) -> Nonce<S> {
    Nonce::random(&mut rng(seed))
}

fn opens_to<S: Ciphersuite>(key: &SecretKey<S>, ciphertext: &Ciphertext<S>, m: i64) -> bool {
    check_amount::<S>(m, &key.decrypt_to_element(ciphertext)).into()
}

/// Both ways of encrypting agree, and decryption gives `mG`.
pub fn check_encryption<S: Ciphersuite>() {
    let key = SecretKey::<S>::random(&mut rng(1));
    let public_key = key.public_key();
    for m in AMOUNTS {
        let ciphertext = public_key.encrypt(m, nonce(2));
        assert_eq!(ciphertext, key.encrypt(m, nonce(2)));
        assert!(opens_to(&key, &ciphertext, m));
        assert!(!opens_to(&key, &ciphertext, m ^ 1));
        let (c1, c2) = ciphertext.to_bytes();
        assert_eq!(
            Ciphertext::from_bytes(c1.as_ref(), c2.as_ref()),
            Ok(ciphertext)
        );
    }
    assert_ne!(
        public_key.encrypt(5, nonce(3)),
        public_key.encrypt(5, nonce(4))
    );
}

/// Sums, differences, negation, scaling and re-randomisation do to amounts what they say.
pub fn check_group_law<S: Ciphersuite>() {
    let key = SecretKey::<S>::random(&mut rng(5));
    let public_key = key.public_key();
    let (a, b) = (
        public_key.encrypt(700, nonce(6)),
        public_key.encrypt(-41, nonce(7)),
    );
    assert!(opens_to(&key, &(a + b), 659));
    assert!(opens_to(&key, &(a - b), 741));
    assert!(opens_to(&key, &-a, -700));
    assert!(opens_to(&key, &a.scale(-3), -2100));
    assert!(opens_to(&key, &[a, b, b].into_iter().sum(), 618));
    assert_eq!([a, b].into_iter().sum::<Ciphertext<S>>(), a + b);
    assert_eq!(a + Ciphertext::zero(), a);
    let again = public_key.rerandomize(&a, nonce(8));
    assert_ne!(again, a);
    assert!(opens_to(&key, &again, 700));
}

/// One token of the model: a writer with its chain.
struct Writer {
    id: WriterId,
    next_seq: u64,
}

/// A treasury's keys, writers, and what they have posted: (account, amount, writer, entry).
struct Book<S: Ciphersuite> {
    shared: SharedKeys,
    key: SecretKey<S>,
    writers: Vec<Writer>,
    log: Vec<(u8, i64, Place, Entry<S>)>,
}

impl<S: Ciphersuite> Book<S> {
    /// Two writers take turns at nine postings, withdrawals and zeros among them.
    fn new() -> Self {
        let seed = RootSeed::from_bytes(&[7; 32]);
        let writers = [1, 2]
            .map(|w| Writer {
                id: WriterId([w; 16]),
                next_seq: 0,
            })
            .into();
        let mut book = Self {
            shared: seed.shared_keys(),
            key: seed.secret_key(&BOOK),
            writers,
            log: Vec::new(),
        };
        let postings = [
            (b'a', 500),
            (b'b', 1200),
            (b'a', -125),
            (b'c', 77),
            (b'b', 3),
        ];
        let more = [(b'a', 10), (b'c', -77), (b'd', 1), (b'b', 0)];
        for (i, (account, m)) in postings.into_iter().chain(more).enumerate() {
            book.post(i % 2, account, m);
        }
        book
    }

    fn post(&mut self, writer: usize, account: u8, m: i64) -> Entry<S> {
        let Writer { id, next_seq } = &mut self.writers[writer];
        let mine =
            |(a, _, place, _): &&(u8, i64, Place, Entry<S>)| (*a, place.writer) == (account, *id);
        let prev = self
            .log
            .iter()
            .rev()
            .find(mine)
            .map(|(_, _, place, _)| place.seq);
        let place = Place {
            book: BOOK,
            writer: *id,
            seq: *next_seq,
            account: Handle([account; 32]),
            prev,
        };
        *next_seq += 1;
        let nonce_seed = 1000 + u64::try_from(self.log.len()).unwrap();
        let entry = self
            .shared
            .entry(&self.key, &place, admitted(m), nonce(nonce_seed));
        let public = self.key.public_key();
        let as_writer =
            self.shared
                .entry_with_public_key(&public, &place, admitted(m), nonce(nonce_seed));
        assert_eq!(entry, as_writer, "a writer without x makes the same entry");
        self.log.push((account, m, place, entry));
        entry
    }

    fn cut(&self, writer: usize, position: u64) -> Cut {
        self.shared
            .cut::<S>(&BOOK, &self.writers[writer].id, position)
    }

    fn range(&self, writer: usize, from: Cut, to: Cut) -> Range {
        Range {
            writer: self.writers[writer].id,
            from,
            to,
        }
    }

    /// The honest claim: both chains from their start to their end.
    fn everything(&self) -> [Range; 2] {
        [0, 1].map(|w| self.range(w, Cut::START, self.cut(w, self.writers[w].next_seq)))
    }

    fn total(&self, keep: impl Fn(usize, &Place) -> bool) -> TaggedSum<S> {
        let kept = self
            .log
            .iter()
            .enumerate()
            .filter(|(i, (_, _, place, _))| keep(*i, place));
        kept.fold(TaggedSum::zero(), |sum, (_, (_, _, _, entry))| {
            sum + entry.total_part()
        })
    }

    fn balance(&self, account: u8, keep: impl Fn(&Place) -> bool) -> TaggedSum<S> {
        let kept = self
            .log
            .iter()
            .filter(|(a, _, place, _)| *a == account && keep(place));
        kept.fold(TaggedSum::zero(), |sum, (_, _, _, entry)| {
            sum + entry.balance_part()
        })
    }

    fn last(&self, account: u8) -> Vec<LastPosition> {
        let last = |writer: &Writer| {
            let mine = self
                .log
                .iter()
                .filter(|(a, _, p, _)| (*a, p.writer) == (account, writer.id));
            LastPosition {
                writer: writer.id,
                seq: mine.map(|(_, _, place, _)| place.seq).last(),
            }
        };
        self.writers.iter().map(last).collect()
    }
}

/// Honest totals open, also over a part of the chains; every way to present another sum is refused.
pub fn check_totals<S: Ciphersuite>() {
    let mut book = Book::<S>::new();
    let (honest, sum) = (book.everything(), book.total(|_, _| true));
    let verify = |book: &Book<S>, ranges: &[Range], sum: &TaggedSum<S>| {
        book.shared.verify_total(&BOOK, ranges, sum)
    };
    assert_eq!(verify(&book, &honest, &sum), Ok(9));
    assert!(opens_to(&book.key, &sum.ciphertext, 1589));
    let first = |book: &Book<S>, _: usize, p: &Place| p.writer == book.writers[0].id;
    let of_first = book.total(|i, p| first(&book, i, p));
    let [range, _] = honest;
    assert_eq!(verify(&book, &[range], &of_first), Ok(5));
    let middle = book.range(0, book.cut(0, 1), book.cut(0, 4));
    let three = book.total(|i, p| first(&book, i, p) && (1..4).contains(&p.seq));
    assert_eq!(verify(&book, &[middle], &three), Ok(3));

    let refused = |what: &str, ranges: &[Range], sum: &TaggedSum<S>| {
        assert_eq!(verify(&book, ranges, sum), Err(ClaimRefused), "{what}");
    };
    let g = S::Group::generator();
    let zero = TaggedSum::zero();
    let negated = TaggedSum {
        ciphertext: -of_first.ciphertext,
        tag: -of_first.tag,
    };
    let mut more = sum;
    more.ciphertext.c2 = more.ciphertext.c2 + g;
    let other_book = book.shared.verify_total(&OTHER_BOOK, &honest, &sum);
    assert_eq!(other_book, Err(ClaimRefused), "another book");
    refused("an entry left out", &honest, &book.total(|i, _| i != 0));
    refused(
        "an entry doubled",
        &honest,
        &(sum + book.log[0].3.total_part()),
    );
    refused("the server adds one", &honest, &more);
    let forged = Cut {
        position: 1,
        mac: book.cut(0, 5).mac,
    };
    let one = book.total(|i, _| i == 0);
    refused(
        "one entry called a total",
        &[book.range(0, Cut::START, forged)],
        &one,
    );
    let [a, b] = honest;
    refused(
        "range backwards",
        &[Range {
            from: a.to,
            to: a.from,
            ..a
        }],
        &negated,
    );
    refused("a writer listed twice", &[a, a], &(of_first + of_first));
    refused("writers not ascending", &[b, a], &sum);
    refused("nothing", &[Range { from: a.to, ..a }], &zero);
    refused("no ranges", &[], &zero);
    let weighted = book.log.iter().filter(|(_, _, p, _)| p.writer == a.writer);
    let weighted = weighted.fold(TaggedSum::zero(), |sum, (_, _, _, entry)| {
        sum + sum + entry.total_part()
    });
    refused("weights", &[a], &weighted);

    let extra = book.post(0, b'd', 999);
    let to = Cut {
        position: 6,
        mac: a.to.mac,
    };
    let six = of_first + extra.total_part();
    assert_eq!(
        verify(&book, &[Range { to, ..a }], &six),
        Err(ClaimRefused),
        "one more entry, to subtract"
    );
}

/// Honest balances open; a balance with anything missing, foreign or of the wrong kind is refused.
pub fn check_balances<S: Ciphersuite>() {
    let book = Book::<S>::new();
    let alice = Handle([b'a'; 32]);
    let last = book.last(b'a');
    let sum = book.balance(b'a', |_| true);
    let verify = |last: &[LastPosition], sum: &TaggedSum<S>| {
        book.shared.verify_balance(&BOOK, &alice, last, sum)
    };
    assert_eq!(verify(&last, &sum), Ok(()));
    assert!(opens_to(&book.key, &sum.ciphertext, 385));
    let bob = Handle([b'b'; 32]);
    let bobs = book.balance(b'b', |_| true);
    assert_eq!(
        book.shared
            .verify_balance(&BOOK, &bob, &book.last(b'b'), &bobs),
        Ok(())
    );

    let without = book.balance(b'a', |place| place.seq != 1);
    assert_eq!(
        verify(&last, &without),
        Err(ClaimRefused),
        "without the withdrawal"
    );
    assert_eq!(
        verify(&book.last(b'b'), &bobs),
        Err(ClaimRefused),
        "bob's balance as alice's"
    );
    let with_tags = book.log.iter().filter(|(a, ..)| *a == b'a');
    let with_tags = with_tags.fold(TaggedSum::zero(), |sum, (_, _, _, entry)| {
        sum + entry.total_part()
    });
    assert_eq!(
        verify(&last, &with_tags),
        Err(ClaimRefused),
        "book tags used for a balance"
    );
    let reversed: Vec<_> = last.iter().rev().copied().collect();
    assert_eq!(
        verify(&reversed, &sum),
        Err(ClaimRefused),
        "writers not ascending"
    );
    let none: Vec<_> = last
        .iter()
        .map(|l| LastPosition { seq: None, ..*l })
        .collect();
    assert_eq!(
        verify(&none, &TaggedSum::zero()),
        Err(ClaimRefused),
        "nothing"
    );
}

const SPANS: [Span; 1] = [Span {
    writer: WriterId([1; 16]),
    from: 16,
    to: 48,
}];

/// The statement that `ciphertext` was opened with `key`, and its proof.
fn statement<S: Ciphersuite>(
    key: &SecretKey<S>,
    ciphertext: Ciphertext<S>,
) -> (Header<'static, S>, DleqProof<S>) {
    let header = Header {
        number: 4,
        book: BOOK,
        public_key: key.public_key(),
        count: 32,
        scope: Scope::Total(&SPANS),
        ciphertext,
        d: key.decrypt_to_element(&ciphertext),
    };
    let proof = header.prove(key, &Hedge::from_bytes(&[3; 32]), &mut rng(32));
    (header, proof)
}

/// A statement verifies for its amount, zero too, and for no other.
pub fn check_statements<S: Ciphersuite>() {
    let key = RootSeed::from_bytes(&[9; 32]).secret_key::<S>(&BOOK);
    for m in [0, -1250] {
        let (header, proof) = statement(&key, key.encrypt(m, nonce(31)));
        assert_eq!(header.verify(m, &proof), Ok(()));
        assert_eq!(header.verify(m + 1, &proof), Err(VerifyError::Amount));
        let other_d = Header {
            d: header.d + S::Group::generator(),
            ..header
        };
        assert_eq!(other_d.verify(m + 1, &proof), Err(VerifyError::Proof));
        let miscounted = Header {
            count: 31,
            ..header
        };
        assert_eq!(miscounted.verify(m, &proof), Err(VerifyError::Inconsistent));
        let degenerate = Header {
            ciphertext: Ciphertext::zero(),
            ..header
        };
        assert_eq!(degenerate.verify(m, &proof), Err(VerifyError::Inconsistent));
    }
}

/// No statement with any one field changed verifies.
pub fn check_changed_statements<S: Ciphersuite>() {
    let key = RootSeed::from_bytes(&[9; 32]).secret_key::<S>(&BOOK);
    let ciphertext = key.encrypt(77, nonce(31));
    let (header, proof) = statement(&key, ciphertext);
    let [span] = SPANS;
    let moved = [Span {
        from: 15,
        to: 47,
        ..span
    }];
    let longer = [Span { to: 49, ..span }];
    let renamed = [Span {
        writer: WriterId([2; 16]),
        ..span
    }];
    let last = [LastPosition {
        writer: WriterId([1; 16]),
        seq: Some(3),
    }];
    let balance = Scope::Balance {
        account: Handle([1; 32]),
        last: &last,
    };
    let (mut c1, mut c2) = (ciphertext, ciphertext);
    c1.c1 = c1.c1 + S::Group::generator();
    c2.c2 = c2.c2 + S::Group::generator();
    let changed = [
        Header {
            number: 5,
            ..header
        },
        Header {
            book: OTHER_BOOK,
            ..header
        },
        Header {
            public_key: SecretKey::<S>::random(&mut rng(33)).public_key(),
            ..header
        },
        Header {
            scope: Scope::Total(&moved),
            ..header
        },
        Header {
            scope: Scope::Total(&longer),
            count: 33,
            ..header
        },
        Header {
            scope: Scope::Total(&renamed),
            ..header
        },
        Header {
            scope: balance,
            ..header
        },
        Header {
            scope: Scope::Open,
            ..header
        },
        Header {
            ciphertext: c1,
            ..header
        },
        Header {
            ciphertext: c2,
            ..header
        },
    ];
    for header in changed {
        assert_eq!(
            header.verify(77, &proof),
            Err(VerifyError::Proof),
            "{header:?}"
        );
    }
}

/// Books, suites and seeds have different keys; a hedged nonce depends on everything it is given.
pub fn check_keys<S: Ciphersuite>() {
    let seed = RootSeed::from_bytes(&[7; 32]);
    let key = seed.secret_key::<S>(&BOOK).public_key();
    assert_eq!(key, seed.secret_key::<S>(&BOOK).public_key());
    assert_ne!(key, seed.secret_key::<S>(&OTHER_BOOK).public_key());
    assert_ne!(
        key,
        RootSeed::from_bytes(&[8; 32])
            .secret_key::<S>(&BOOK)
            .public_key()
    );

    let place = Place {
        book: BOOK,
        writer: WriterId([1; 16]),
        seq: 5,
        account: Handle([2; 32]),
        prev: Some(0),
    };
    let hedge = Hedge::from_bytes(&[1; 32]);
    // With a generator that always says the same, only the input tells the nonces apart.
    let c1 = |hedge: &Hedge, place: Place, m: i64| {
        let nonce = Nonce::for_entry(hedge, &mut Constant, &place, admitted(m));
        key.encrypt(m, nonce).c1
    };
    let all = [
        c1(&hedge, place, 1),
        c1(&hedge, place, 2),
        c1(&Hedge::from_bytes(&[2; 32]), place, 1),
        c1(&hedge, Place { seq: 6, ..place }, 1),
        c1(
            &hedge,
            Place {
                prev: None,
                ..place
            },
            1,
        ),
        c1(
            &hedge,
            Place {
                account: Handle([3; 32]),
                ..place
            },
            1,
        ),
        c1(
            &hedge,
            Place {
                writer: WriterId([2; 16]),
                ..place
            },
            1,
        ),
        c1(
            &hedge,
            Place {
                book: OTHER_BOOK,
                ..place
            },
            1,
        ),
    ];
    for (i, one) in all.iter().enumerate() {
        assert!(
            all[..i].iter().all(|other| other != one),
            "nonce {i} repeats"
        );
    }
    assert_eq!(c1(&hedge, place, 1), all[0]);
}

/// The worst of all generators.
struct Constant;

impl TryRng for Constant {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}

impl TryCryptoRng for Constant {}
