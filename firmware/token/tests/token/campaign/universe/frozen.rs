//! A token kept as it is, to be begun with again and again.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use super::{Said, Universe};
use crate::{
    bench::ChipState,
    campaign::{model::Model, tally::Tally},
};

/// A token to begin with.
#[derive(Clone)]
pub struct Frozen {
    bytes: Vec<u8>,
    model: Model,
    said: Rc<Said>,
    opened: HashMap<u64, i64>,
    tally: Rc<RefCell<Tally>>,
}

impl Frozen {
    /// How many pages of the ring have anything in them.
    pub fn used_pages<const PAGE: usize>(&self) -> usize {
        let ring = self.bytes.chunks(PAGE).skip(1);
        ring.filter(|page| page.iter().any(|byte| *byte != 0xff))
            .count()
    }

    /// Makes an old ring of a young one, as if every other page were full of records that newer
    /// ones have replaced: what is live is in the newest page, at this place, and in the oldest
    /// pages, which are compacted next. In a real old ring a start would read all those records.
    #[must_use]
    pub fn aged<const PAGE: usize>(&self, place: usize) -> Self {
        let (notes, ring) = self.bytes.split_at(PAGE);
        let pages: Vec<&[u8]> = ring.chunks(PAGE).collect();
        let used = self.used_pages::<PAGE>();
        let mut closed = vec![0xff; PAGE];
        closed[..4].fill(0);
        closed[PAGE - 4..].fill(0);
        // The newest, the blank one, the oldest, and those in between.
        let mut aged = vec![pages[used - 1], pages[used]];
        aged.extend(&pages[..used - 1]);
        aged.resize(pages.len(), &closed);
        aged.rotate_right(place % pages.len());
        Self {
            bytes: [notes, &aged.concat()].concat(),
            ..self.clone()
        }
    }
}

impl<const KIB: u32, const PAGE: usize> Universe<KIB, PAGE> {
    /// Keeps what the token is now. An enrolment that is under way is none of it.
    pub fn freeze(self) -> Frozen {
        Frozen {
            bytes: self.bench.flash_bytes(),
            model: self.model().clone(),
            said: Rc::new(self.said.all()),
            opened: self.opened,
            tally: self.tally,
        }
    }

    /// A token as it was frozen, with the power just switched on and with dice of its own.
    pub fn thaw(from: &Frozen, seed: u64) -> Self {
        let mut universe = Self::new(&from.tally, seed);
        *universe.bench.world.chip.borrow_mut() = ChipState::new(from.bytes.clone());
        universe.possible = vec![from.model.clone()];
        universe.possible[0].restart(false);
        universe.said = Said::after(&from.said);
        universe.opened.clone_from(&from.opened);
        universe
    }
}
