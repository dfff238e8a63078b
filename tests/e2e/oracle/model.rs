//! The numbers of the design's executable model come out of the core and of the oracle.

use core_nostd::{
    ids::{BookId, Handle, Place, WriterId},
    keys::RootSeed,
    tag::{Cut, LastPosition, Range, TaggedSum},
};
use e2e_tests::reference::{self, Reference, ReferenceGroup};

use super::{Checked, admitted, nonce, oracle_bytes, parts, scheme::entry_bytes, to_oracle};
use core_nostd::{ciphersuite::WideBytes, group::ByteArray};

const SEED: [u8; 32] = [0x5E; 32];
const BOOK: BookId = BookId([0xB0; 32]);
const WRITER: WriterId = WriterId([1; 16]);

/// Nine postings of one writer: (account, amount), and its account's previous position.
const POSTINGS: [(u8, i64, Option<u64>); 9] = [
    (b'a', 500, None),
    (b'b', 1200, None),
    (b'a', -125, Some(0)),
    (b'c', 77, None),
    (b'b', 3, Some(1)),
    (b'a', 10, Some(2)),
    (b'c', -77, Some(3)),
    (b'd', 1, None),
    (b'b', 0, Some(4)),
];

/// The nine postings make the same entries, and their total and one balance open to the amounts
/// that the model prints.
pub fn check_postings<S: Checked>() {
    let oracle = Reference::new(S::oracle(), SEED);
    let seed = RootSeed::from_bytes(&SEED);
    let (shared, key) = (seed.shared_keys(), seed.secret_key::<S>(&BOOK));
    let mut total = TaggedSum::<S>::zero();
    let mut balance = TaggedSum::<S>::zero();
    for (seq, (account, m, prev)) in (0..).zip(POSTINGS) {
        let account = Handle([account; 32]);
        let place = Place {
            book: BOOK,
            writer: WRITER,
            seq,
            account,
            prev,
        };
        let plain = reference::Place {
            book: &BOOK.0,
            writer: &WRITER.0,
            account: &account.0,
            seq,
            prev,
        };
        let mut wide = WideBytes::<S>::zeroed();
        wide.as_mut().fill(u8::try_from(seq).expect("nine") + 100);
        let (nonce, r) = nonce(&oracle.group, &wide);
        let entry = shared.entry(&key, &place, admitted(m), nonce);
        let expected = oracle_bytes(&oracle.group, oracle.entry(&plain, m, &r));
        assert_eq!(entry_bytes(&entry), expected, "entry {seq}");
        total = total + entry.total_part();
        if account.0[0] == b'a' {
            balance = balance + entry.balance_part();
        }
    }

    let x = oracle.x(&BOOK.0);
    let opened = |sum: &TaggedSum<S>| {
        oracle.decrypt(
            &x,
            &to_oracle::<S, 2>(&oracle.group, parts(&sum.ciphertext)),
        )
    };
    let base = |m: i64| oracle.group.base(&oracle.group.signed(m));
    let to = shared.cut::<S>(&BOOK, &WRITER, 9);
    let range = Range {
        writer: WRITER,
        from: Cut::START,
        to,
    };
    assert_eq!(shared.verify_total(&BOOK, &[range], &total), Ok(9));
    assert_eq!(opened(&total), base(1589));

    let alice = Handle([b'a'; 32]);
    let last = LastPosition {
        writer: WRITER,
        seq: Some(5),
    };
    assert_eq!(
        shared.verify_balance(&BOOK, &alice, &[last], &balance),
        Ok(())
    );
    assert_eq!(opened(&balance), base(385));
}
