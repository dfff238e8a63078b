//! The memory of a value before and after it is dropped.

use std::{hint::black_box, mem::MaybeUninit};

/// The bytes of the place where a value was, while it was there and after it was dropped.
pub struct Traces {
    pub before: Vec<u8>,
    pub after: Vec<u8>,
}

impl Traces {
    /// Puts `value` in a place, drops it there, and looks before and after.
    pub fn of<T>(value: T) -> Self {
        let mut place = Box::new(MaybeUninit::<T>::zeroed());
        place.write(value);
        let before = look(&place);
        // SAFETY: a value was written to the place above. It is dropped this once: nothing takes
        // it out, and `MaybeUninit` drops nothing.
        unsafe { place.assume_init_drop() };
        let after = look(&place);
        Self { before, after }
    }
}

/// The bytes of a place, whatever it holds.
fn look<T>(place: &MaybeUninit<T>) -> Vec<u8> {
    // The compiler can't see where this pointer is from or what was written there.
    let start = black_box(place.as_ptr()).cast::<u8>();
    let byte = |offset| {
        // SAFETY: `offset` is below the size of `T`, so this byte belongs to the place, which is
        // borrowed, and a byte needs no alignment. The place was zeroed as a whole before a value
        // was moved in, and the read is volatile: it takes what is in memory.
        unsafe { start.add(offset).read_volatile() }
    };
    (0..size_of::<T>()).map(byte).collect()
}
