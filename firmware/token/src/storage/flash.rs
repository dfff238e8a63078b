//! The flash as the ring of records sees it: no erase is ever half done.
//!
//! A page whose erase was cut short may hold anything: a part of what was there, bits that nobody
//! wrote, a mark that was there or was not. The ring could take it for a page of its own, or for a
//! blank one. So every erase is noted in the first page of the store before it begins, and after a
//! power cut what was noted is done again before anything is read.
//!
//! ```text
//! first page: notes of two words, x ‖ !x, where x names a page or the whole store;
//!             cleared when the erase is done; erased when it is full or holds anything else.
//!             Before a note that names the whole store, from the start: what a wipe keeps
//! ```
//!
//! A note that was torn in writing has a bit set in both words and so is none: nothing was erased
//! yet. One that was torn in being cleared is none either: everything was erased already.

use core::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use embedded_storage_async::nor_flash as asynchronous;

use crate::platform::Platform;

/// The flash of a store.
pub(super) struct Flash<P: Platform> {
    flash: P::Flash,
    /// Where the next note goes, once it is known that nothing is left to be done.
    free: Option<u32>,
    /// What a wipe has kept that has not ended.
    kept: Option<Kept>,
}

/// What a wipe keeps.
pub(crate) type Kept = [u8; KEPT_LEN];

/// Its length in bytes, whole notes.
pub(crate) const KEPT_LEN: usize = 5 * NOTE_LEN as usize;

type Outcome<P, T = ()> = Result<T, <<P as Platform>::Flash as ErrorType>::Error>;

/// The output of a future that only ever waits for a [`Flash`]: one poll makes it ready. Nothing,
/// if it is not.
pub(super) fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Bytes of a note.
const NOTE_LEN: u32 = 8;

/// The first half of a note's first word. The second is the number of the page, 0 for all of them.
const NOTE: u32 = 0x4552_0000;

impl<P: Platform> Flash<P> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "erase pages are much smaller than the flash"
    )]
    const PAGE_LEN: u32 = <P::Flash as NorFlash>::ERASE_SIZE as u32;

    /// Behind what a wipe keeps.
    const WIPE_NOTE: u32 = P::STORE.start + 5 * NOTE_LEN;

    /// Behind the last note.
    const NOTES_END: u32 = P::STORE.start + Self::PAGE_LEN;

    pub(super) const fn new(flash: P::Flash) -> Self {
        Self {
            flash,
            free: None,
            kept: None,
        }
    }

    /// Begins to erase the whole store. Once this is noted nothing in it counts any more. A wipe
    /// that has begun before goes on with what it kept.
    pub(super) fn begin_wipe(&mut self, kept: &Kept) -> Outcome<P> {
        if self.kept()?.is_some() {
            return Ok(());
        }
        if self.settle()? > P::STORE.start {
            self.free = None;
            self.erase_pages(0..1)?;
        }
        self.free = None;
        self.flash.write(P::STORE.start, kept)?;
        self.flash.write(Self::WIPE_NOTE, &note(0))?;
        self.settle().map(|_| ())
    }

    /// What a wipe has kept that has not ended; all pages but the first were erased then.
    pub(super) fn kept(&mut self) -> Outcome<P, Option<Kept>> {
        self.settle()?;
        Ok(self.kept)
    }

    /// Ends a wipe: what was written since is what counts.
    pub(super) fn end_wipe(&mut self) -> Outcome<P> {
        self.flash.write(Self::WIPE_NOTE, &[0; NOTE_LEN as usize])?;
        (self.free, self.kept) = (None, None);
        self.settle().map(|_| ())
    }

    /// Erases the page with this number.
    fn erase_page(&mut self, number: u32) -> Outcome<P> {
        let free = self.room()?;
        self.free = None;
        self.flash.write(free, &note(number))?;
        self.erase_pages(number..number + 1)?;
        self.flash.write(free, &[0; NOTE_LEN as usize])?;
        self.free = Some(free + NOTE_LEN);
        Ok(())
    }

    /// Where the next note goes.
    fn room(&mut self) -> Outcome<P, u32> {
        let free = self.settle()?;
        if free < Self::NOTES_END {
            return Ok(free);
        }
        self.free = None;
        self.erase_pages(0..1)?;
        Ok(P::STORE.start)
    }

    /// Does again what was noted and not known to be done, and returns the place behind the last
    /// note. After a failure it begins again.
    fn settle(&mut self) -> Outcome<P, u32> {
        if let Some(free) = self.free {
            return Ok(free);
        }
        let mut free = Self::NOTES_END;
        let mut noted = None;
        let mut clean = true;
        for place in (P::STORE.start..Self::NOTES_END).step_by(NOTE_LEN as usize) {
            let mut words = [0; NOTE_LEN as usize];
            self.flash.read(place, &mut words)?;
            match u64::from_be_bytes(words) {
                u64::MAX => free = free.min(place),
                0 if free == Self::NOTES_END => {}
                _ => {
                    clean = false;
                    noted = noted.or((0..Self::pages()).find(|number| words == note(*number)));
                }
            }
        }
        match noted {
            Some(0) => {
                self.erase_pages(1..Self::pages())?;
                let mut kept = [0; KEPT_LEN];
                self.flash.read(P::STORE.start, &mut kept)?;
                self.kept = Some(kept);
                self.free = Some(free);
                return Ok(free);
            }
            Some(number) => self.erase_pages(number..number + 1)?,
            None => {}
        }
        if !clean {
            self.erase_pages(0..1)?;
            free = P::STORE.start;
        }
        self.free = Some(free);
        Ok(free)
    }

    fn erase_pages(&mut self, numbers: core::ops::Range<u32>) -> Outcome<P> {
        for number in numbers {
            let start = P::STORE.start + number * Self::PAGE_LEN;
            self.flash.erase(start, start + Self::PAGE_LEN)?;
        }
        Ok(())
    }

    const fn pages() -> u32 {
        (P::STORE.end - P::STORE.start) / Self::PAGE_LEN
    }
}

fn note(page: u32) -> [u8; NOTE_LEN as usize] {
    let x = NOTE | page;
    ((u64::from(x) << 32) | u64::from(!x)).to_be_bytes()
}

impl<P: Platform> ErrorType for Flash<P> {
    type Error = <P::Flash as ErrorType>::Error;
}

impl<P: Platform> asynchronous::ReadNorFlash for Flash<P> {
    const READ_SIZE: usize = P::Flash::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Outcome<P> {
        self.settle()?;
        self.flash.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl<P: Platform> asynchronous::NorFlash for Flash<P> {
    const WRITE_SIZE: usize = P::Flash::WRITE_SIZE;
    const ERASE_SIZE: usize = P::Flash::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Outcome<P> {
        let number = |offset: u32| (offset - P::STORE.start) / Self::PAGE_LEN;
        for number in number(from)..number(to) {
            self.erase_page(number)?;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Outcome<P> {
        self.settle()?;
        self.flash.write(offset, bytes)
    }
}
