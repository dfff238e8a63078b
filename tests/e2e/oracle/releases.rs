//! Claims about sums, true ones and changed ones: the core and the oracle believe the same.

use core_nostd::{
    cap::EntryAmount,
    entry::Entry,
    group::Group,
    ids::{BookId, Handle, Place, WriterId},
    keys::{Nonce, RootSeed, SecretKey, SharedKeys},
    tag::{Cut, LastPosition, Range, TaggedSum},
};
use e2e_tests::reference::{self, Reference};
use proptest::{prelude::*, sample::Index};

use super::{Checked, Given, entry_amounts, for_any, to_oracle};

const SEED: [u8; 32] = [0x31; 32];
const BOOK: BookId = BookId([0xB0; 32]);

/// What may be wrong with a claim, and where.
#[derive(Clone, Debug)]
enum Fault {
    Ciphertext1,
    Ciphertext2,
    Tag,
    EntryLeftOut,
    EntryDoubled,
    FromPosition(i64),
    ToPosition(i64),
    Mac(u8),
    Writer,
    RangeDoubled,
    RangeLeftOut,
    OtherOrder,
    OtherBook,
}

fn faults() -> impl Strategy<Value = Option<Fault>> {
    use Fault::*;
    let position = || prop::sample::select(vec![-1_i64, 1, 7]);
    let fault = prop_oneof![
        prop::sample::select(vec![
            Ciphertext1,
            Ciphertext2,
            Tag,
            EntryLeftOut,
            EntryDoubled,
            Writer,
            RangeDoubled,
            RangeLeftOut,
            OtherOrder,
            OtherBook,
        ]),
        position().prop_map(FromPosition),
        position().prop_map(ToPosition),
        (0..128_u8).prop_map(Mac),
    ];
    prop::option::weighted(0.75, fault)
}

/// One posting: which writer, which account, how much.
type Posting = (usize, u8, EntryAmount);

fn postings() -> impl Strategy<Value = Vec<Posting>> {
    prop::collection::vec((0..2_usize, 0..2_u8, entry_amounts()), 1..5)
}

/// A log of two writers.
struct Log<S: Checked> {
    shared: SharedKeys,
    key: SecretKey<S>,
    entries: Vec<(Place, Entry<S>)>,
}

impl<S: Checked> Log<S> {
    fn new(postings: &[Posting]) -> Self {
        let seed = RootSeed::from_bytes(&SEED);
        let mut log = Self {
            shared: seed.shared_keys(),
            key: seed.secret_key(&BOOK),
            entries: Vec::new(),
        };
        for (i, (writer, account, m)) in postings.iter().enumerate() {
            let (writer, account) = (writer_id(*writer), Handle([*account; 32]));
            let place = Place {
                book: BOOK,
                writer,
                seq: log.next_seq(writer),
                account,
                prev: log.last_seq(writer, account),
            };
            let nonce = Nonce::random(&mut Given(&[u8::try_from(i).expect("few") + 1]));
            let entry = log.shared.entry(&log.key, &place, *m, nonce);
            log.entries.push((place, entry));
        }
        log
    }

    fn next_seq(&self, writer: WriterId) -> u64 {
        let mine = self
            .entries
            .iter()
            .filter(|(place, _)| place.writer == writer);
        mine.count() as u64
    }

    fn last_seq(&self, writer: WriterId, account: Handle) -> Option<u64> {
        let mine =
            |(place, _): &&(Place, Entry<S>)| (place.writer, place.account) == (writer, account);
        self.entries.iter().rfind(mine).map(|(place, _)| place.seq)
    }
}

fn writer_id(number: usize) -> WriterId {
    WriterId([u8::try_from(number).expect("two") + 1; 16])
}

/// Does to a sum what the fault says, if it is one of a sum.
fn change_sum<S: Checked>(sum: &mut TaggedSum<S>, fault: Option<&Fault>, entry: TaggedSum<S>) {
    let g = S::Group::generator();
    match fault {
        Some(Fault::Ciphertext1) => sum.ciphertext.c1 = sum.ciphertext.c1 + g,
        Some(Fault::Ciphertext2) => sum.ciphertext.c2 = sum.ciphertext.c2 - g,
        Some(Fault::Tag) => sum.tag = sum.tag + g,
        Some(Fault::EntryLeftOut) => *sum = *sum - entry,
        Some(Fault::EntryDoubled) => *sum = *sum + entry,
        _ => (),
    }
}

/// Does to a list of claims, one for each writer, what the fault says.
fn change_list<T: Clone>(list: &mut Vec<T>, fault: Option<&Fault>, at: usize) {
    match fault {
        Some(Fault::RangeDoubled) => list.insert(at, list[at].clone()),
        Some(Fault::RangeLeftOut) => drop(list.remove(at)),
        Some(Fault::OtherOrder) => list.reverse(),
        _ => (),
    }
}

fn other_book(fault: Option<&Fault>) -> BookId {
    match fault {
        Some(Fault::OtherBook) => BookId([0xB1; 32]),
        _ => BOOK,
    }
}

/// Totals over whole chains or the ends of them.
pub fn check_totals<S: Checked>() {
    let inputs = (postings(), [0..3_u64, 0..3_u64], faults(), any::<Index>());
    for_any::<S, _>(inputs, |(postings, starts, fault, at)| {
        let fault = fault.as_ref();
        let log = Log::<S>::new(&postings);
        let mut ranges: Vec<Range> = starts
            .into_iter()
            .enumerate()
            .map(|(i, start)| {
                let writer = writer_id(i);
                let cut = |position| log.shared.cut::<S>(&BOOK, &writer, position);
                let end = log.next_seq(writer);
                Range {
                    writer,
                    from: cut(start.min(end)),
                    to: cut(end),
                }
            })
            .collect();
        let covers = |place: &Place| {
            ranges
                .iter()
                .any(|r| r.writer == place.writer && place.seq >= r.from.position)
        };
        let covered = log.entries.iter().filter(|(place, _)| covers(place));
        let mut sum = covered.fold(TaggedSum::zero(), |sum, (_, entry)| {
            sum + entry.total_part()
        });
        change_sum(&mut sum, fault, at.get(&log.entries).1.total_part());
        let i = at.index(ranges.len());
        let range = &mut ranges[i];
        match fault {
            Some(Fault::FromPosition(by)) => shift(&mut range.from, *by),
            Some(Fault::ToPosition(by)) => shift(&mut range.to, *by),
            Some(Fault::Mac(bit)) => range.to.mac[usize::from(bit / 8)] ^= 1 << (bit % 8),
            Some(Fault::Writer) => range.writer.0[15] ^= 1,
            _ => change_list(&mut ranges, fault, i),
        }
        let book = other_book(fault);
        let core = log.shared.verify_total(&book, &ranges, &sum).ok();
        assert_eq!(core, oracle_total(&book, &ranges, &sum));
        let is_empty = ranges
            .iter()
            .all(|range| range.from.position == range.to.position);
        assert!(
            fault.is_some() || is_empty || core.is_some(),
            "a true claim is believed"
        );
    });
}

/// Moves a cut without its MAC.
fn shift(cut: &mut Cut, by: i64) {
    cut.position = cut.position.wrapping_add_signed(by);
}

fn oracle_total<S: Checked>(book: &BookId, ranges: &[Range], sum: &TaggedSum<S>) -> Option<u64> {
    let oracle = Reference::new(S::oracle(), SEED);
    let cut = |cut: &Cut| reference::Cut {
        position: cut.position,
        mac: cut.mac,
    };
    let ranges: Vec<_> = ranges
        .iter()
        .map(|range| reference::Range {
            writer: &range.writer.0,
            from: cut(&range.from),
            to: cut(&range.to),
        })
        .collect();
    let sum = [sum.ciphertext.c1, sum.ciphertext.c2, sum.tag];
    oracle.total(&book.0, &ranges, &to_oracle::<S, 3>(&oracle.group, sum))
}

/// Balances of one account.
pub fn check_balances<S: Checked>() {
    for_any::<S, _>(
        (postings(), faults(), any::<Index>()),
        |(postings, fault, at)| {
            let fault = fault.as_ref();
            let log = Log::<S>::new(&postings);
            let account = Handle([0; 32]);
            let mut last: Vec<LastPosition> = [0, 1]
                .map(|i| {
                    let writer = writer_id(i);
                    LastPosition {
                        writer,
                        seq: log.last_seq(writer, account),
                    }
                })
                .into();
            let is_empty = last.iter().all(|last| last.seq.is_none());
            let mine = log
                .entries
                .iter()
                .filter(|(place, _)| place.account == account);
            let mut sum = mine.fold(TaggedSum::zero(), |sum, (_, entry)| {
                sum + entry.balance_part()
            });
            change_sum(&mut sum, fault, at.get(&log.entries).1.balance_part());
            let i = at.index(last.len());
            match fault {
                Some(Fault::FromPosition(_)) => last[i].seq = None,
                Some(Fault::ToPosition(by)) => {
                    last[i].seq = last[i].seq.map(|seq| seq.wrapping_add_signed(*by));
                }
                Some(Fault::Mac(_)) => last[i].seq = last[i].seq.or(Some(0)),
                Some(Fault::Writer) => last[i].writer.0[15] ^= 1,
                _ => change_list(&mut last, fault, i),
            }
            let book = other_book(fault);
            let core = log
                .shared
                .verify_balance(&book, &account, &last, &sum)
                .is_ok();
            let oracle = Reference::new(S::oracle(), SEED);
            let positions: Vec<_> = last.iter().map(|l| (&l.writer.0[..], l.seq)).collect();
            let parts = [sum.ciphertext.c1, sum.ciphertext.c2, sum.tag];
            let parts = to_oracle::<S, 3>(&oracle.group, parts);
            assert_eq!(
                core,
                oracle.balance(&book.0, &account.0, &positions, &parts)
            );
            assert!(
                fault.is_some() || is_empty || core,
                "a true claim is believed"
            );
        },
    );
}
