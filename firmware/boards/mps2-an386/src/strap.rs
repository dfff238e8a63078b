//! Two words of memory that last across a reset: the button at power-on, and a note from a fault.
//!
//! "The button was held while power was applied" is a word that QEMU writes when the machine is
//! reset: `-device loader,addr=0x203FFFF0,data=0x43455245,data-len=4`. QEMU writes it at
//! *every* reset, so a fault leaves a note beside it: a restart after a fault is no power-on, and
//! never enters ceremony mode.

/// QEMU's word: "CERE".
const BUTTON: *mut u32 = 0x203f_fff0 as *mut u32;
const HELD: u32 = 0x4345_5245;

/// The fault handlers' word.
const NOTE: *mut u32 = 0x203f_fff4 as *mut u32;
const AFTER_FAULT: u32 = 0x4641_554c;

/// Whether the button was held while power was applied. Clears both words.
pub fn take_ceremony() -> bool {
    // SAFETY: both words are plain memory at the end of SSRAM 2, in no section of the linker
    // script; nothing else in the image uses them.
    let (button, note) = unsafe {
        let words = (BUTTON.read_volatile(), NOTE.read_volatile());
        BUTTON.write_volatile(0);
        NOTE.write_volatile(0);
        words
    };
    button == HELD && note != AFTER_FAULT
}

/// Notes that the reset to come is not a power-on.
pub fn note_fault() {
    // SAFETY: as in `take_ceremony`.
    unsafe { NOTE.write_volatile(AFTER_FAULT) }
}
