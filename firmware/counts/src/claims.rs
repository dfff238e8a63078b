//! Refusals: whatever is wrong with a claim or a seal, refusing it takes the same time.

use core_nostd::{
    ciphersuite::{Ciphersuite, Element},
    ids::Place,
    keys::SharedKeys,
    seal,
    tag::{Cut, LastPosition, Range, TaggedSum},
};

use crate::{count::Report, draw::Draw};

/// Counts them.
pub fn measure<S: Ciphersuite>(report: &Report) {
    report.operation("refuse-total", Claim::<S>::new, |claim| {
        claim.refuse_total();
    });
    report.operation("refuse-balance", Claim::<S>::new, |claim| {
        claim.refuse_balance();
    });
    report.operation("refuse-seal", Sealed::new, Sealed::refuse);
}

/// A sum of one entry, and a claim with one fault.
struct Claim<S: Ciphersuite> {
    shared: SharedKeys,
    place: Place,
    total: TaggedSum<S>,
    balance: TaggedSum<S>,
    cut: Cut,
}

impl<S: Ciphersuite> Claim<S> {
    /// The samples take turns with the fault: each byte of the MAC, and each element of the sum.
    fn new(draw: &mut Draw) -> Self {
        let shared = draw.seed().shared_keys();
        let (seq, prev) = (0, None);
        let place = Place {
            seq,
            prev,
            ..draw.place()
        };
        let entry = shared.entry(&draw.key::<S>(), &place, draw.entry_amount(), draw.nonce());
        let mut claim = Self {
            total: entry.total_part(),
            balance: entry.balance_part(),
            cut: shared.cut::<S>(&place.book, &place.writer, 1),
            shared,
            place,
        };
        let wrong = draw.element::<S>();
        let replace = |of: fn(&mut TaggedSum<S>) -> &mut Element<S>, claim: &mut Self| {
            *of(&mut claim.total) = wrong;
            *of(&mut claim.balance) = wrong;
        };
        match draw.number % 20 {
            16 => replace(|sum| &mut sum.tag, &mut claim),
            17 => replace(|sum| &mut sum.ciphertext.c1, &mut claim),
            18 => replace(|sum| &mut sum.ciphertext.c2, &mut claim),
            byte @ 0..16 => {
                claim.cut.mac[byte] ^= 1;
                // A balance has no MAC, so there it must be the tag again.
                claim.balance.tag = wrong;
            }
            _ => {
                claim.cut.mac = draw.public();
                replace(|sum| &mut sum.tag, &mut claim);
            }
        }
        claim
    }

    fn refuse_total(&self) {
        let Place { book, writer, .. } = self.place;
        let (from, to) = (Cut::START, self.cut);
        let range = Range { writer, from, to };
        let verdict = self.shared.verify_total(&book, &[range], &self.total);
        assert!(verdict.is_err(), "a wrong claim was accepted");
    }

    fn refuse_balance(&self) {
        let Place {
            book,
            writer,
            account,
            ..
        } = self.place;
        let last = LastPosition {
            writer,
            seq: Some(0),
        };
        let verdict = self
            .shared
            .verify_balance(&book, &account, &[last], &self.balance);
        assert!(verdict.is_err(), "a wrong claim was accepted");
    }
}

/// A sealed text with one bit changed: in its tag, or in itself.
struct Sealed {
    key: [u8; 32],
    text: [u8; 96],
    tag: seal::Tag,
}

const AD: [&[u8]; 2] = [b"counts", b"of a seal"];

impl Sealed {
    fn new(draw: &mut Draw) -> Self {
        let (key, mut text) = (draw.bytes(), draw.bytes());
        let mut tag = seal::seal(&key, &AD, &mut text);
        match draw.number % 18 {
            byte @ 0..16 => tag[byte] ^= 0x80,
            16 => text[95] ^= 1,
            _ => tag = draw.public(),
        }
        Self { key, text, tag }
    }

    fn refuse(self) {
        let Self { key, mut text, tag } = self;
        assert!(
            !seal::open(&key, &AD, &mut text, &tag),
            "a wrong seal was opened"
        );
    }
}
