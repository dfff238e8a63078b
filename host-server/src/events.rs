//! What happens on this server, for those who watch: books, entries, cuts, statements and
//! checkpoints, by place and never by amount.
//!
//! The last [`KEPT`] events are kept, so that a watcher who was away for a moment misses nothing;
//! one who was away for longer, or is slower than things happen, is told to start anew. With two
//! servers on one database, each tells of what it took itself.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use core_nostd::ids::{BookId, WriterId};
use tokio::sync::watch;

/// Events that are kept.
pub const KEPT: usize = 4096;
/// Events given to a watcher at a time.
const BATCH_LEN: usize = 256;

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A book was added.
    Book(BookId),
    /// A chain has grown: it ends before this position now.
    Entries(BookId, WriterId, u64),
    /// A chain was cut before this position.
    Cut(BookId, WriterId, u64),
    /// A statement was published.
    Statement(BookId),
    /// The sum of a chain up to this position is kept.
    Checkpoint(BookId, WriterId, u64),
}

/// The events of one server, from its start to its end.
pub struct Events {
    /// Tells this server's numbers from those of one before it.
    run: u64,
    kept: Mutex<Kept>,
    /// Changes with every event, and ends with the server.
    changed: Mutex<Option<watch::Sender<()>>>,
    changes: watch::Receiver<()>,
}

#[derive(Default)]
struct Kept {
    /// Number of the next event.
    next: u64,
    events: VecDeque<Event>,
}

/// What a watcher gets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Events, and the number of the one after them.
    Events(Vec<Event>, u64),
    /// Events were missed; the next one has this number.
    Reset(u64),
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}

impl Events {
    fn new() -> Self {
        let (sender, changes) = watch::channel(());
        let mut run = [0; 8];
        // Without randomness a watcher of a server before may miss that events are missing.
        let _ = getrandom::fill(&mut run);
        let run = u64::from_ne_bytes(run);
        Self {
            run,
            kept: Mutex::default(),
            changed: Mutex::new(Some(sender)),
            changes,
        }
    }

    /// The number that tells this server's events from those of others.
    #[must_use]
    pub fn run(&self) -> u64 {
        self.run
    }

    /// Number of the next event.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.kept().next
    }

    /// Tells everybody.
    pub fn tell(&self, event: Event) {
        {
            let mut kept = self.kept();
            if kept.events.len() == KEPT {
                kept.events.pop_front();
            }
            kept.events.push_back(event);
            kept.next += 1;
        }
        if let Some(sender) = &*self.changed.lock().unwrap_or_else(PoisonError::into_inner) {
            sender.send_replace(());
        }
    }

    /// Ends all watching, when the server ends.
    pub fn end(&self) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        *changed = None;
    }

    /// What comes from number `from` on, waiting for it; nothing when the server ends.
    pub async fn next(&self, from: u64) -> Option<Next> {
        let mut changes = self.changes.clone();
        loop {
            changes.mark_unchanged();
            if let Some(next) = self.after(from) {
                return Some(next);
            }
            changes.changed().await.ok()?;
        }
    }

    fn after(&self, from: u64) -> Option<Next> {
        let kept = self.kept();
        let oldest = kept.next - kept.events.len() as u64;
        if !(oldest..=kept.next).contains(&from) {
            return Some(Next::Reset(kept.next));
        }
        let skip = usize::try_from(from - oldest).ok()?;
        let events = kept.events.iter().skip(skip).take(BATCH_LEN);
        let events: Vec<_> = events.copied().collect();
        let next = from + events.len() as u64;
        (!events.is_empty()).then_some(Next::Events(events, next))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No change is left half done by a panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: BookId = BookId([1; 32]);

    fn entries(to: u64) -> Event {
        Event::Entries(BOOK, WriterId([2; 16]), to)
    }

    #[tokio::test]
    async fn a_watcher_gets_every_event_once_in_order() {
        let events = Events::default();
        (1..=600).for_each(|to| events.tell(entries(to)));
        let mut seen = Vec::new();
        while seen.len() < 600 {
            let Some(Next::Events(more, next)) = events.next(seen.len() as u64).await else {
                panic!("all of them are kept");
            };
            seen.extend(more);
            assert_eq!(next, seen.len() as u64);
        }
        assert_eq!(seen, (1..=600).map(entries).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_the_next_event_and_by_the_end() {
        let events = Events::default();
        let (next, ()) = tokio::join!(events.next(0), async { events.tell(Event::Book(BOOK)) });
        assert_eq!(next, Some(Next::Events(vec![Event::Book(BOOK)], 1)));
        let (next, ()) = tokio::join!(events.next(1), async { events.end() });
        assert_eq!(next, None);
    }

    #[tokio::test]
    async fn who_missed_events_is_told_so() {
        let events = Events::default();
        let most = KEPT as u64;
        (0..=most).for_each(|to| events.tell(entries(to)));
        assert_eq!(events.next(0).await, Some(Next::Reset(most + 1)));
        assert_eq!(events.next(most + 9).await, Some(Next::Reset(most + 1)));
        assert!(matches!(events.next(1).await, Some(Next::Events(..))));
    }
}
