//! What books, accounts, amounts and writers are called: always the same, by their numbers.

use core_nostd::{
    ids::{BookId, Handle, WriterId},
    wire::Rules,
};

use super::{Topic, Universe};
use crate::{
    bench::RULES,
    campaign::model::{Kind, Who, elsewhere},
};

/// Each account has so many entries, one after the other.
pub const ACCOUNT_LEN: u64 = 3;

pub fn account(seq: u64) -> Handle {
    let mut handle = [7; 32];
    handle[..8].copy_from_slice(&(seq / ACCOUNT_LEN).to_be_bytes());
    Handle(handle)
}

pub fn minor(seq: u64) -> i64 {
    i64::try_from(seq % 17).expect("small") - 5
}

pub fn name(place: usize) -> String {
    format!("book {place}")
}

pub fn rules(kind: Kind, name: &str) -> Rules<'_> {
    let kind = if kind == Kind::Authenticated { 1 } else { 2 };
    Rules {
        kind,
        name,
        ..RULES
    }
}

pub fn id_of(kind: Kind, place: usize) -> BookId {
    rules(kind, &name(place)).check().expect("good rules").id()
}

impl<const KIB: u32, const PAGE: usize> Universe<KIB, PAGE> {
    /// The identifier of the book at a place.
    pub(super) fn id(&self, place: usize) -> BookId {
        id_of(self.possible[0].books()[place].kind, place)
    }

    /// The token's own identifier.
    pub(super) fn writer(&self) -> WriterId {
        self.writer_id(Who::Own(self.model().writer()))
    }

    pub(super) fn writer_id(&self, who: Who) -> WriterId {
        match who {
            Who::Elsewhere(number) => elsewhere(number),
            Who::Own(writer) => {
                let id = self.said.get(&Topic::Writer { writer });
                let id = id.expect("it has said hello");
                WriterId(id.try_into().expect("16 bytes"))
            }
        }
    }
}
