//! Tags, cuts, and the two releases that verify them.

use num_bigint::BigUint;

use super::{Field, Reference, ReferenceGroup, hash};

/// Where an entry stands.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The book.
    pub book: &'a [u8],
    /// The writer.
    pub writer: &'a [u8],
    /// The account.
    pub account: &'a [u8],
    /// Position in the chain.
    pub seq: u64,
    /// The account's previous position in the chain.
    pub prev: Option<u64>,
}

/// A position and the MAC that says it is a cut.
#[derive(Clone, Copy)]
pub struct Cut {
    /// The position.
    pub position: u64,
    /// The MAC.
    pub mac: [u8; 16],
}

/// The entries of one writer between two cuts.
#[derive(Clone, Copy)]
pub struct Range<'a> {
    /// The writer.
    pub writer: &'a [u8],
    /// The cut before the first.
    pub from: Cut,
    /// The cut after the last.
    pub to: Cut,
}

impl<G: ReferenceGroup> Reference<G> {
    /// `c1, c2, tag, account_tag`, each tag multiplied out as the definition has it.
    pub fn entry(&self, place: &Place<'_>, m: i64, r: &BigUint) -> [G::Element; 4] {
        let Place {
            book,
            writer,
            account,
            seq,
            prev,
        } = *place;
        let y = self.group.base(&self.x(book));
        let [c1, c2] = self.encrypt(&y, m, r);
        let step = self.segment(book, writer, seq, seq + 1);
        let tag = self.tag(book, [&c1, &c2], &step);
        let step = self.account_segment([book, writer, account], prev, Some(seq));
        let account_tag = self.account_tag(book, account, [&c1, &c2], &step);
        [c1, c2, tag, account_tag]
    }

    /// `α·c1 + β·c2 + mask·G`.
    pub fn tag(&self, book: &[u8], parts: [&G::Element; 2], mask: &BigUint) -> G::Element {
        let scope = [self.suite(), Field::Bytes(book)];
        let keys = ["alpha", "beta"].map(|label| self.scalar(label, &scope));
        self.combine(&keys, parts, mask)
    }

    /// `α'·c1 + β'·c2 + mask·G`.
    pub fn account_tag(
        &self,
        book: &[u8],
        account: &[u8],
        parts: [&G::Element; 2],
        mask: &BigUint,
    ) -> G::Element {
        let scope = [self.suite(), Field::Bytes(book), Field::Bytes(account)];
        let keys = ["alpha-account", "beta-account"].map(|label| self.scalar(label, &scope));
        self.combine(&keys, parts, mask)
    }

    fn combine(
        &self,
        [alpha, beta]: &[BigUint; 2],
        [c1, c2]: [&G::Element; 2],
        mask: &BigUint,
    ) -> G::Element {
        let group = &self.group;
        let linear = group.add(&group.mul(c1, alpha), &group.mul(c2, beta));
        group.add(&linear, &group.base(mask))
    }

    /// `f(w, to) − f(w, from)`.
    pub fn segment(&self, book: &[u8], writer: &[u8], from: u64, to: u64) -> BigUint {
        let scope = [self.suite(), Field::Bytes(book), Field::Bytes(writer)];
        let f = |position| {
            let fields = [&scope[..], &[Field::Number(position)]].concat();
            self.scalar("mask", &fields)
        };
        (f(to) + self.group.order() - f(from)) % self.group.order()
    }

    /// `g(w, a, to) − g(w, a, from)`; the names are book, writer and account.
    pub fn account_segment(
        &self,
        names: [&[u8]; 3],
        from: Option<u64>,
        to: Option<u64>,
    ) -> BigUint {
        let g = |position: Option<u64>| {
            let names = names.map(Field::Bytes);
            let fields = [&[self.suite()], &names[..], &[position.into()]].concat();
            self.scalar("mask-account", &fields)
        };
        (g(to) + self.group.order() - g(from)) % self.group.order()
    }

    /// The MAC of a cut.
    pub fn cut_mac(&self, book: &[u8], writer: &[u8], position: u64) -> [u8; 16] {
        let names = [book, writer].map(Field::Bytes);
        let fields = [&[self.suite()], &names[..], &[Field::Number(position)]].concat();
        let mac = hash::prf(&self.label("cut"), &fields, 16);
        mac.try_into().expect("as long as asked for")
    }

    /// The number of entries that a total is the sum of, or nothing if the claim does not hold.
    pub fn total(
        &self,
        book: &[u8],
        ranges: &[Range<'_>],
        [c1, c2, tag]: &[G::Element; 3],
    ) -> Option<u64> {
        let is_cut = |writer: &[u8], cut: &Cut| {
            cut.position == 0 || cut.mac == self.cut_mac(book, writer, cut.position)
        };
        let mut count = 0_u64;
        let mut mask = BigUint::ZERO;
        for Range { writer, from, to } in ranges {
            if !is_cut(writer, from) || !is_cut(writer, to) {
                return None;
            }
            count = count.checked_add(to.position.checked_sub(from.position)?)?;
            mask += self.segment(book, writer, from.position, to.position);
        }
        let mask = mask % self.group.order();
        let holds = is_ascending(ranges.iter().map(|range| range.writer))
            && count > 0
            && self.tag(book, [c1, c2], &mask) == *tag;
        holds.then_some(count)
    }

    /// Whether a balance is the sum of the account's history up to each writer's last position.
    pub fn balance(
        &self,
        book: &[u8],
        account: &[u8],
        last: &[(&[u8], Option<u64>)],
        [c1, c2, tag]: &[G::Element; 3],
    ) -> bool {
        let step = |(writer, seq): &(&[u8], Option<u64>)| {
            self.account_segment([book, writer, account], None, *seq)
        };
        let mask = last.iter().map(step).sum::<BigUint>() % self.group.order();
        is_ascending(last.iter().map(|(writer, _)| *writer))
            && last.iter().any(|(_, seq)| seq.is_some())
            && self.account_tag(book, account, [c1, c2], &mask) == *tag
    }
}

fn is_ascending<'a>(writers: impl Iterator<Item = &'a [u8]>) -> bool {
    let writers: Vec<&[u8]> = writers.collect();
    writers.windows(2).all(|pair| pair[0] < pair[1])
}
