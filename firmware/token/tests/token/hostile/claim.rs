//! Claims to what the model knows, genuine but for the fault that the fifth number of a step asks
//! for: one in four has one.

use core_nostd::{
    ciphersuite::Ciphersuite,
    group::Group,
    ids::{Handle, WriterId},
    tag::{Cut, LastPosition, Range},
    wire::PerWriter,
};

use super::{
    model::Book,
    step::{Action, Step},
};
use crate::ledger::{S, Sum, encoded};

/// What is claimed.
pub struct Claim {
    sum: Sum,
    range: Range,
    last: LastPosition,
    /// How often the writer is named.
    copies: usize,
}

impl Claim {
    /// A claim to nothing.
    pub fn new(step: Step, writer: WriterId) -> Self {
        Self {
            sum: Sum::zero(),
            range: Range {
                writer,
                from: Cut::START,
                to: Cut::START,
            },
            last: LastPosition { writer, seq: None },
            copies: match fault(step) {
                14 => 0,
                15 => 2,
                _ => 1,
            },
        }
    }

    /// The entries of a book between two cuts, or those of an account.
    pub fn gather(&mut self, step: Step, book: &Book, account: &Handle) {
        let [_, b, c, ..] = step.numbers;
        let cuts: Vec<_> = std::iter::once(&Cut::START)
            .chain(book.cuts.values())
            .collect();
        let mut ends = [0, cuts.len() - 1];
        if b % 4 == 0 {
            ends = [b / 4, c].map(|number| usize::from(number) % cuts.len());
            ends.sort_unstable();
        }
        [self.range.from, self.range.to] = ends.map(|end| *cuts[end]);
        let covered = self.range.from.position..self.range.to.position;
        for (entry, seq) in book.entries.iter().zip(0..) {
            let of_account = entry.posting.account == *account;
            match step.action {
                Action::ReleaseBalance if of_account => self.sum = self.sum + entry.balance,
                Action::ReleaseTotal if covered.contains(&seq) => self.sum = self.sum + entry.total,
                _ => {}
            }
            self.last.seq = if of_account { Some(seq) } else { self.last.seq };
        }
        if let Some(entry) = book.entries.first() {
            let part = entry.total;
            let tag = <S as Ciphersuite>::Group::identity();
            match fault(step) {
                0 => self.sum = self.sum + part,
                1 => self.sum = self.sum - part,
                2 => self.sum.tag = part.tag,
                3 => self.sum = self.sum + Sum { tag, ..part },
                _ => {}
            }
        }
    }

    /// Puts a fault into what the claim says of itself.
    pub fn spoil(&mut self, step: Step) {
        let [.., number] = step.numbers;
        let Range { from, to, writer } = &mut self.range;
        match fault(step) {
            8 => to.mac[usize::from(number) % 16] ^= 1,
            9 => to.position = to.position.wrapping_add(u64::from(number)),
            10 => std::mem::swap(from, to),
            11 => (writer.0[0], self.last.writer.0[0]) = (number, number),
            12 => self.last.seq = Some(u64::from(number)),
            _ => {}
        }
    }

    /// The elements as they travel.
    pub fn elements(&self, step: Step) -> [Vec<u8>; 3] {
        let (c1, c2, tag) = encoded(&self.sum);
        let mut elements = [c1, c2, tag].map(|element| element.to_vec());
        if fault(step) == 13 {
            let [.., number] = step.numbers;
            elements[usize::from(number) % 3] = vec![number; usize::from(number) % 32];
        }
        elements
    }

    pub fn ranges(&self) -> PerWriter<Range> {
        std::iter::repeat_n(self.range, self.copies).collect()
    }

    pub fn last(&self) -> PerWriter<LastPosition> {
        std::iter::repeat_n(self.last, self.copies).collect()
    }
}

fn fault(step: Step) -> u8 {
    let [.., fault, _] = step.numbers;
    fault % 64
}
