//! Claims to sums of what the token has said, and boxes it has sealed.

use core_nostd::{
    account::SEALED_NID_LEN,
    ids::{BookId, Handle},
    keys::{Nonce, PublicKey},
    tag::{Cut as CutMac, LastPosition, Range},
    wire::{Request, SignedEntry},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use super::{
    Topic, Universe,
    names::{ACCOUNT_LEN, account, minor},
};
use crate::{
    bench::Reply,
    ledger::{S, Sum, release_balance, release_total},
};

impl<const KIB: u32, const PAGE: usize> Universe<KIB, PAGE> {
    pub(super) fn release_total(&mut self, place: usize) -> Reply {
        let (book, to) = (self.id(place), self.model().books()[place].last_cut);
        let writer = self.model().writer();
        let cut = |position| {
            let mac = self.said.get(&Topic::Cut {
                writer,
                book,
                position,
            })?;
            Some(CutMac {
                position,
                mac: mac.try_into().expect("16 bytes"),
            })
        };
        let before = (1..to).rev().find_map(cut).unwrap_or(CutMac::START);
        let range = Range {
            writer: self.writer(),
            from: before,
            to: cut(to).expect("the host has heard of it"),
        };
        let sum = self.sum(book, before.position..to, |entry| entry.tag);
        self.open_to((before.position..to).map(minor).sum());
        release_total(book, &[range], &sum, |request| self.bench.call(request))
    }

    pub(super) fn release_balance(&mut self, place: usize) -> Reply {
        let (book, next) = (self.id(place), self.model().books()[place].next_seq);
        let from = (next - 1) / ACCOUNT_LEN * ACCOUNT_LEN;
        let writer = self.writer();
        let last = LastPosition {
            writer,
            seq: Some(next - 1),
        };
        let sum = self.sum(book, from..next, |entry| entry.account_tag);
        self.open_to((from..next).map(minor).sum());
        let last = [last].into_iter().collect();
        release_balance(book, &account(from), last, &sum, |request| {
            self.bench.call(request)
        })
    }

    pub(super) fn release_open(&mut self, place: usize) -> Reply {
        let (book, life) = (self.id(place), self.model().life);
        let key = self
            .said
            .get(&Topic::PublicKey { life, book })
            .expect("it was looked at");
        let key = PublicKey::<S>::from_bytes(key).expect("a key");
        let nonce = Nonce::random(&mut ChaCha8Rng::seed_from_u64(5));
        let (c1, c2) = key.encrypt(-77, nonce).to_bytes();
        self.open_to(-77);
        let (c1, c2) = (c1.as_ref(), c2.as_ref());
        self.bench.call(&Request::ReleaseOpen {
            book,
            count: 1,
            c1,
            c2,
        })
    }

    pub(super) fn reveal_nid(&mut self, place: usize) -> Reply {
        let (book, life) = (self.id(place), self.model().life);
        let words = self.said.get(&Topic::Handle { life, book });
        let words = words.expect("it was asked for");
        let (account, sealed_nid) = words.split_at(words.len() - SEALED_NID_LEN);
        self.bench.call(&Request::RevealNid {
            book,
            account: Handle(account.try_into().expect("32 bytes")),
            sealed_nid,
        })
    }

    /// Remembers what the next statement opens to.
    fn open_to(&mut self, minor: i64) {
        let number = self.model().keys.as_ref().map_or(0, |keys| keys.statement) + 1;
        self.opened.insert(number, minor);
    }

    fn sum(
        &self,
        book: BookId,
        positions: std::ops::Range<u64>,
        tag: impl for<'e> Fn(&SignedEntry<'e>) -> &'e [u8],
    ) -> Sum {
        let writer = self.model().writer();
        let parts = positions.map(|seq| {
            let mut bytes = self
                .said
                .get(&Topic::Entry { writer, book, seq })
                .expect("it was heard");
            let entry = SignedEntry::next_of(&mut bytes).expect("an entry");
            Sum::from_bytes(entry.c1, entry.c2, tag(&entry)).expect("elements")
        });
        parts.fold(Sum::zero(), |sum, part| sum + part)
    }
}
