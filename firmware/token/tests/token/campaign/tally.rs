//! How often the power was cut, by what was cut.

use std::{collections::BTreeMap, fmt};

use firmware_token::nor::power::Tear;

use super::model::Command;

#[derive(Default)]
pub struct Tally {
    pub cuts: u64,
    by: BTreeMap<(&'static str, String), u64>,
}

impl Tally {
    /// Counts a cut in a command, and in which kind of operation it was: an erase, a write, or
    /// none, behind an answer that has changed nothing in the flash.
    pub fn count(&mut self, command: Command, tear: Tear, erasing: Option<bool>) {
        let tear = match tear {
            Tear::Nothing => "nothing done",
            Tear::Half => "the first half done",
            Tear::Everything => "everything done",
            Tear::Part(_) => "a part done, then torn",
            Tear::Bits(_) => "any bits done",
        };
        let operation = match erasing {
            Some(true) => "erase",
            Some(false) => "write",
            None => "none, behind the answer",
        };
        self.cuts += 1;
        for (kind, what) in [
            ("command", command.name()),
            ("tear", tear.to_owned()),
            ("operation", operation.to_owned()),
        ] {
            *self.by.entry((kind, what)).or_default() += 1;
        }
    }

    /// The cuts in one command.
    pub fn of(&self, command: Command) -> u64 {
        self.by
            .get(&("command", command.name()))
            .copied()
            .unwrap_or(0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} power cuts", self.cuts)?;
        for ((kind, what), count) in &self.by {
            writeln!(f, "  {kind:<10} {what:<24} {count:>8}")?;
        }
        Ok(())
    }
}
