//! How much fits: the sizes of frames and flash records, and the batch they leave room for.
//!
//! The store must never fill up: its books can't be deleted, and a token that could no longer
//! post would be lost. It is a ring of erase pages that is compacted page by page, so a record of
//! `r` bytes finds room as long as one page holds at most `room − r` bytes of live records, which
//! is certain while all live records together have at most `(pages − 1) · (room − r)`. The longest
//! batch for which that holds with a full set of books is the batch of this token.

use core_nostd::wire::{
    BATCH_LEN_MAX, BOOKS_MAX, FRAME_LEN_MAX, FRAME_LEN_SMALL, WRITER_NAME_LEN_MAX, WRITERS_MAX,
    audit::EVENT_LEN_MAX, frame::message_len_max,
};
use embedded_storage::nor_flash::NorFlash;

use crate::{audit, platform::Platform, vault};

/// Largest frame of this image in bytes, and the size of its two buffers.
pub(crate) const FRAME_LEN: usize = if cfg!(feature = "ffdhe") {
    FRAME_LEN_MAX
} else {
    FRAME_LEN_SMALL
};

/// Length of the MAC behind a record, in bytes.
pub(crate) const MAC_LEN: usize = 16;

/// Longest secret key that was made elsewhere, in bytes.
pub(crate) const FOREIGN_KEY_LEN_MAX: usize = if cfg!(feature = "ffdhe") { 384 } else { 32 };

/// Longest list of the ends of a revoked writer's chains, in bytes: 64 of them, each below 2^28.
pub(crate) const CLOSINGS_LEN_MAX: usize = BOOKS_MAX * (1 + 4);

/// What the size of a platform's store allows.
pub(crate) struct Limits<P>(core::marker::PhantomData<P>);

impl<P: Platform> Limits<P> {
    /// Most postings in one batch.
    pub(crate) const BATCH_LEN: usize = {
        let store_len = (P::STORE.end - P::STORE.start) as usize;
        let batch = batch_len(store_len, <P::Flash as NorFlash>::ERASE_SIZE);
        assert!(batch > 0, "the store is too small, or its erase pages are");
        batch
    };
}

/// Longest encodings, in bytes: a varint of 64 bits takes 10, a length below 2^14 takes 2.
const VARINT: usize = 10;
const POSITION: usize = 1 + VARINT;
const ENTRY: usize = 32 + POSITION + 4 * (1 + 32);
const CHAIN_HEAD: usize = 2 * VARINT + 1 + MAC_LEN + POSITION + 5;
/// The rules and, on a writer, the public key.
const BOOK: usize = 32 + 2 + 3 + 1 + VARINT + 5 + 1 + 48 + 32;
const WRITER: usize = 16 + 1 + WRITER_NAME_LEN_MAX + 1 + CLOSINGS_LEN_MAX;
/// A sealed key that was made elsewhere, with its tag. An open book has it where an authenticated
/// one has the entries of its last reply.
const FOREIGN_KEY: usize = 16 + FOREIGN_KEY_LEN_MAX;
const POSTED_HEAD: usize = 1 + 16 + VARINT + (1 + VARINT + 16) + 2;

/// The longest statement: long elements, or short ones and every writer named.
const STATEMENT: usize = {
    let head = VARINT + 32 + VARINT + 1;
    let named = head + 32 + 1 + WRITERS_MAX * (16 + 2 * VARINT) + 5 * (1 + 32);
    let long = head + 5 * (2 + 384);
    if cfg!(feature = "ffdhe") {
        max(long, named)
    } else {
        named
    }
};

/// The room a record of `len` bytes takes in the flash: header, key, MAC, whole words.
const fn item(len: usize) -> usize {
    plain_item(len + MAC_LEN)
}

/// The same without a MAC.
const fn plain_item(len: usize) -> usize {
    8 + (1 + len).next_multiple_of(4)
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

const fn batch_len(store_len: usize, page_len: usize) -> usize {
    let mut batch = BATCH_LEN_MAX;
    while batch > 0 && !(fits_frame(batch) && fits_store(batch, store_len, page_len)) {
        batch -= 1;
    }
    batch
}

const fn fits_frame(batch: usize) -> bool {
    POSTED_HEAD + batch * ENTRY <= message_len_max(FRAME_LEN)
}

const fn fits_store(batch: usize, store_len: usize, page_len: usize) -> bool {
    let chain = item(CHAIN_HEAD + max(batch * ENTRY, FOREIGN_KEY));
    let statement = item(STATEMENT);
    let largest = max(max(chain, statement), item(WRITER));
    // One page is for the notes of erases; of each other page two words are the ring's.
    let (pages, room) = ((store_len / page_len).saturating_sub(1), page_len - 8);
    let log = item(audit::HEAD_LEN_MAX) + audit::SLOTS as usize * plain_item(EVENT_LEN_MAX);
    let live = BOOKS_MAX * (item(BOOK) + chain)
        + WRITERS_MAX * item(WRITER)
        + statement
        + plain_item(vault::RECORD_LEN_MAX)
        + log;
    live <= pages.saturating_sub(1) * room.saturating_sub(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_grows_with_the_store_up_to_the_limit_of_the_protocol() {
        let batches = [128, 256, 512, 1024].map(|kib| batch_len(kib * 1024, 4096));
        assert!(batches[0] >= 3, "{batches:?}");
        assert!(batches.is_sorted(), "{batches:?}");
        assert!(fits_frame(batches[3]), "{batches:?}");
        assert_eq!(batch_len(16 * 1024, 4096), 0, "64 books need more");
    }
}
