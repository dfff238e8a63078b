//! Frames on a line with noise.

use core_nostd::wire::{
    FrameError, FrameHeader,
    frame::{FrameReader, encode, message_len_max},
};

use crate::without_heap;

/// A small frame, so that inputs reach the limit.
const FRAME_LEN: usize = 600;

/// The input as what comes over the line. A frame that is read is written as the same bytes (but
/// for the empty block that COBS allows behind a full last one); after a delimiter the next frame
/// is read whatever came before, and carries whatever message it is given. Returns whether a
/// frame was read off the input.
pub fn frame(data: &[u8]) -> bool {
    let mut reader = FrameReader::<FRAME_LEN>::new();
    let mut encoded = Vec::new();
    let mut frames = 0;
    for byte in data {
        if *byte != 0 {
            encoded.push(*byte);
        }
        let ended = without_heap(|| reader.push(*byte));
        assert_eq!(ended, *byte == 0 && !encoded.is_empty());
        if ended {
            frames += usize::from(check(&mut reader, &encoded));
            encoded.clear();
        }
    }
    resynchronise(&mut reader, data);
    frames > 0
}

/// Checks what the reader makes of one frame, and returns whether it took it for one.
fn check(reader: &mut FrameReader<FRAME_LEN>, encoded: &[u8]) -> bool {
    let frame = without_heap(|| reader.frame());
    let is_too_long = encoded.len() >= FRAME_LEN;
    assert_eq!(frame == Err(FrameError::TooLong), is_too_long);
    let Ok((header, message)) = frame else {
        return false;
    };
    let mut out = [0; FRAME_LEN];
    let len = without_heap(|| encode(&header, message, &mut out)).expect("it was as long before");
    let (delimiter, again) = out[..len].split_last().expect("a frame is never empty");
    assert_eq!(*delimiter, 0);
    let idle_block = encoded.strip_suffix(&[1]).filter(|_| encoded.len() > 255);
    assert!(again == encoded || Some(again) == idle_block);
    true
}

/// A delimiter, then a frame with the end of the input as its message: it is read.
fn resynchronise(reader: &mut FrameReader<FRAME_LEN>, data: &[u8]) {
    let header = FrameHeader {
        version: 1,
        session: *b"a client",
        id: 7,
    };
    let len_max = message_len_max(FRAME_LEN);
    let message = &data[data.len().saturating_sub(len_max)..];
    let mut out = [0; FRAME_LEN];
    let len = without_heap(|| encode(&header, message, &mut out)).expect("as long as can be");
    reader.push(0);
    let mut ends = out[..len].iter().map(|byte| reader.push(*byte));
    assert_eq!(ends.position(|ended| ended), Some(len - 1));
    assert_eq!(reader.frame(), Ok((header, message)));
}
