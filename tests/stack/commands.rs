//! Every command of the protocol, in groups. What is asked for is the most that a frame holds; what
//! the answers say is the end-to-end tests' business.

use core_nostd::{
    backup::Quorum,
    book::BookKind,
    ciphersuite::{
        Ciphersuite, Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, SuiteId, WideBytes,
    },
    currency::Currency,
    enrolment::{Grant, Join, Offer},
    group::{ByteArray, Group as _},
    ids::{BookId, Handle, WriterId},
    keys::RootSeed,
    tag::{Cut, LastPosition, Range, TaggedSum},
    wire::{Closing, Policy, Posting, WRITERS_MAX},
};
use e2e_tests::token::AnyClient;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use token_client::{BookGrant, OwnedEntry, OwnedRules, OwnedStatement, Posted};

/// The PIN of the token, as long as one can be.
pub const PIN: &str = "2718281828459045";

/// Commands that belong together. They run on a token that is unlocked, once it has keys.
pub struct Group {
    /// The name.
    pub name: &'static str,
    /// The group is left out on an image without this suite.
    pub suite: SuiteId,
    /// Whether the button was held at power-on.
    pub in_ceremony_mode: bool,
    /// Runs the commands.
    pub run: fn(&mut AnyClient),
}

const fn group(name: &'static str, run: fn(&mut AnyClient)) -> Group {
    Group {
        name,
        suite: SuiteId::Ristretto255,
        in_ceremony_mode: false,
        run,
    }
}

/// All groups, in the order in which they run on one token.
pub const GROUPS: [Group; 12] = [
    group("provision, PIN", keys),
    group("books, handles", books),
    Group {
        in_ceremony_mode: true,
        ..group("policy, writers", writers)
    },
    group("posting, cuts", posting),
    group("total", total),
    group("balance", balance),
    group("open book", open_sum::<Ristretto255Sha512>),
    group("imported key", imported_key::<Ristretto255Sha512>),
    Group {
        suite: SuiteId::Ffdhe2048,
        ..group("imported key, ffdhe2048", imported_key::<Ffdhe2048Sha512>)
    },
    Group {
        suite: SuiteId::Ffdhe3072,
        ..group("imported key, ffdhe3072", imported_key::<Ffdhe3072Sha512>)
    },
    Group {
        in_ceremony_mode: true,
        ..group("backup, wipe, restore", backup)
    },
    Group {
        in_ceremony_mode: true,
        ..group("becoming a writer", become_a_writer)
    },
];

const DONE: &str = "the token does it";

fn rules(suite: SuiteId, kind: BookKind) -> OwnedRules {
    OwnedRules {
        suite,
        kind,
        currency: Currency::from_code("EUR").expect("a currency"),
        cap: 1 << 40,
        min_entries: 1,
        name: format!("the longest name of a book: {kind:?}, {}", suite as u8),
    }
}

/// The authenticated book that [`books`] makes.
fn ledger() -> BookId {
    let rules = rules(SuiteId::Ristretto255, BookKind::Authenticated);
    rules.as_rules().id()
}

const ACCOUNT: Handle = Handle([7; 32]);

const ALL: Policy = Policy {
    totals: true,
    balances: true,
    open_sums: true,
};

fn keys(token: &mut AnyClient) {
    token.provision(PIN, ALL).expect(DONE);
    token.lock().expect(DONE);
    token.unlock("not the PIN").expect_err("a wrong PIN");
    token.unlock(PIN).expect(DONE);
    token.change_pin(PIN, "3141592653589793").expect(DONE);
    token.change_pin("3141592653589793", PIN).expect(DONE);
}

fn books(token: &mut AnyClient) {
    let rules = rules(SuiteId::Ristretto255, BookKind::Authenticated);
    token.create_book(&rules.as_rules()).expect(DONE);
    token.public_key(ledger()).expect(DONE);
    let account = token.handle(ledger(), &"N".repeat(32)).expect(DONE);
    let nid = token.reveal_nid(ledger(), account.handle, &account.sealed_nid);
    assert_eq!(*nid.expect(DONE), "N".repeat(32));
    assert_eq!(token.books().expect(DONE).len(), 1);
}

fn posting(token: &mut AnyClient) {
    let posting = |prev| Posting {
        account: ACCOUNT,
        prev,
        minor: 1250,
    };
    let posted = token.post(ledger(), 0, posting(None)).expect(DONE);
    token.post(ledger(), 0, posting(None)).expect("once more");
    let batch = vec![posting(Some(0)); token.info().batch_len_max.into()];
    token
        .post_batch(ledger(), posted.next_seq(), &batch)
        .expect(DONE);
    token.last_entry(ledger()).expect(DONE);
    token.cut(ledger()).expect(DONE);
}

/// The sum of the last reply's entries, which the tags do not cover from the first one on.
fn sum(posted: &Posted, tag: fn(&OwnedEntry) -> &[u8]) -> [Vec<u8>; 3] {
    type G = <Ristretto255Sha512 as Ciphersuite>::Group;
    let entries = posted.entries.iter().map(|entry| {
        TaggedSum::<Ristretto255Sha512>::from_bytes(&entry.c1, &entry.c2, tag(entry))
            .expect("elements")
    });
    let sum = entries.fold(TaggedSum::zero(), |sum, entry| sum + entry);
    [sum.ciphertext.c1, sum.ciphertext.c2, sum.tag].map(|element| G::encode(&element).to_vec())
}

/// As many writers as a claim may name: the token's own and those that [`writers`] lists.
fn all_writers(token: &AnyClient) -> Vec<WriterId> {
    let own = token.info().writer.expect("it has keys");
    let others = (1..).map(|i| WriterId([i; 16])).filter(|id| *id != own);
    let mut writers: Vec<_> = others.take(WRITERS_MAX - 1).chain([own]).collect();
    writers.sort_unstable();
    writers
}

fn writers(token: &mut AnyClient) {
    token.set_policy(ALL).expect(DONE);
    let old = token.info().writer.expect("it has keys");
    token.new_writer().expect(DONE);
    token.hello().expect("a new identifier");
    let own = token.info().writer.expect("it has keys");
    let mut others = all_writers(token);
    others.retain(|writer| *writer != own);
    let (last, others) = others.split_last().expect("fifteen");
    for writer in others {
        token.admit_writer(*writer, &"n".repeat(32)).expect(DONE);
    }
    let join = Join::new(&mut rng(1), *last, token.enrol_offer().expect(DONE));
    let point = token.enrol_reveal(*last, join.point()).expect(DONE);
    let sealed = token.enrol_grant(&"n".repeat(32)).expect(DONE);
    let agreed = join.confirm(&point).expect("as committed");
    agreed.open(&sealed).expect("the grant");
    token.grant_book(ledger(), *last).expect(DONE);
    token
        .revoke_writer(old, &[Closing { index: 0, end: 0 }])
        .expect(DONE);
    assert_eq!(token.writers().expect(DONE).len(), WRITERS_MAX);
}

fn total(token: &mut AnyClient) {
    let from = token.cut(ledger()).expect(DONE).cut;
    let postings = [Posting {
        account: Handle([8; 32]),
        prev: None,
        minor: 7,
    }];
    let posted = token.post_batch(ledger(), from.position, &postings);
    let posted = posted.expect(DONE);
    let to = token.cut(ledger()).expect(DONE).cut;
    let parts = sum(&posted, |entry| &entry.tag);
    let [c1, c2, tag] = parts.each_ref().map(Vec::as_slice);
    let own = token.info().writer.expect("it has keys");
    let nothing = [Cut::START; 2];
    let range = |writer| {
        let [from, to] = if writer == own { [from, to] } else { nothing };
        Range { writer, from, to }
    };
    let ranges: Vec<_> = all_writers(token).into_iter().map(range).collect();
    let statement = token.release_total(ledger(), &ranges, [c1, c2, tag]);
    confirm(token, &statement.expect(DONE), 7);
    token
        .release_total(ledger(), &ranges, [c1, c2, c1])
        .expect_err("another tag");
}

fn balance(token: &mut AnyClient) {
    let account = Handle([9; 32]);
    let from = token.cut(ledger()).expect(DONE).cut;
    let posting = Posting {
        account,
        prev: None,
        minor: -7,
    };
    let posted = token.post(ledger(), from.position, posting).expect(DONE);
    let parts = sum(&posted, |entry| &entry.account_tag);
    let parts = parts.each_ref().map(Vec::as_slice);
    let own = token.info().writer.expect("it has keys");
    let last: Vec<_> = all_writers(token)
        .into_iter()
        .map(|writer| LastPosition {
            writer,
            seq: (writer == own).then_some(posted.first_seq),
        })
        .collect();
    let statement = token.release_balance(ledger(), account, &last, parts);
    confirm(token, &statement.expect(DONE), -7);
}

/// Opens 2G, whose plaintext nobody knows, and asks about a wrong amount.
fn open_in<S: Ciphersuite>(token: &mut AnyClient, book: BookId) {
    let two = S::Group::encode(&(S::Group::generator() + S::Group::generator()));
    let halves = [two.as_ref(), two.as_ref()];
    let statement = token.release_open(book, 1, halves).expect(DONE);
    token
        .confirm_decode(statement.number, i64::MIN)
        .expect_err("not so little");
    token.last_statement().expect(DONE);
}

fn open_sum<S: Ciphersuite>(token: &mut AnyClient) {
    let rules = rules(S::ID, BookKind::Open);
    let book = token.create_book(&rules.as_rules()).expect(DONE);
    token.public_key(book.id).expect(DONE);
    open_in::<S>(token, book.id);
}

fn imported_key<S: Ciphersuite>(token: &mut AnyClient) {
    let rules = OwnedRules {
        name: format!("imported, {}", S::ID as u8),
        ..rules(S::ID, BookKind::Open)
    };
    let mut wide = WideBytes::<S>::zeroed();
    wide.as_mut().fill(0x5a);
    let key = S::Group::encode_scalar(&S::Group::reduce(&wide));
    let book = token.import_book(&rules.as_rules(), key.as_ref());
    let book = book.expect(DONE).id;
    token.public_key(book).expect(DONE);
    open_in::<S>(token, book);
}

fn confirm(token: &mut AnyClient, statement: &OwnedStatement, minor: i64) {
    token.confirm_decode(statement.number, minor).expect(DONE);
    token.last_statement().expect(DONE);
}

fn backup(token: &mut AnyClient) {
    let quorum = Quorum::new(16, 16).expect("as many as there can be");
    let shares = token.backup(quorum).expect(DONE);
    token.wipe().expect(DONE);
    token.restore(PIN, ALL, &shares).expect(DONE);
}

/// Joins a treasury of this program, takes its book, and posts.
fn become_a_writer(token: &mut AnyClient) {
    token.wipe().expect(DONE);
    let seed = RootSeed::random(&mut rng(2));
    let offer = Offer::new(&mut rng(3));
    let (writer, point) = token.enrol_join(offer.commitment()).expect(DONE);
    let (point, agreed) = offer.reveal(&writer, &point).expect("a point");
    token.enrol_confirm(point).expect(DONE);
    let key = seed.writer_key(&writer);
    let grant = Grant::new([false; 3], &key, &seed.shared_keys());
    token.enrol_finish(PIN, &agreed.seal(&grant)).expect(DONE);

    let rules = rules(SuiteId::Ristretto255, BookKind::Authenticated);
    let public_key = seed.secret_key::<Ristretto255Sha512>(&ledger());
    let public_key = public_key.public_key().to_bytes();
    let grant = BookGrant {
        rules,
        public_key,
        mac: key.grant_mac(&ledger(), &public_key),
    };
    token.take_book(&grant).expect(DONE);
    posting(token);
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}
