//! The stack: painted, so that its deepest point can be seen from outside, and guarded.
//!
//! It begins where the first word of the vector table says, and ends at 0x2000_0000. QEMU shows
//! a machine's memory to whoever started it; what is still painted was never used.

use cortex_m::{peripheral::MPU, register::msp};

/// What unused stack is filled with.
const PAINT: u32 = 0x5aa5_5aa5;

/// The last word of the stack.
const END: *mut u32 = 0x2000_0000 as *mut u32;

/// Paints what is not in use yet.
#[inline(never)]
pub fn paint() {
    let mut word = END;
    // The frame of this function lies above the stack pointer.
    while (word as u32) < msp::read() {
        // SAFETY: nothing lies between the end of the stack and the stack pointer, and no interrupt
        // is enabled yet.
        unsafe {
            word.write_volatile(PAINT);
            word = word.add(1);
        }
    }
}

/// Makes the megabyte below the stack inaccessible, so that an overflow is a fault rather than
/// writes that vanish: the machine has no memory there, but does not say so.
pub fn guard(mpu: &mut MPU) {
    const BASE: u32 = 0x1ff0_0000;
    const VALID_REGION_0: u32 = 1 << 4;
    const NO_ACCESS: u32 = 0;
    const SIZE_1_MIB: u32 = 19 << 1;
    const ENABLE: u32 = 1;
    const ALSO_IN_FAULTS_AND_KEEP_DEFAULT_MAP: u32 = 0b110;
    // SAFETY: the region holds nothing this image uses; everything else keeps its access rights.
    unsafe {
        mpu.rbar.write(BASE | VALID_REGION_0);
        mpu.rasr.write(NO_ACCESS | SIZE_1_MIB | ENABLE);
        mpu.ctrl.write(ALSO_IN_FAULTS_AND_KEEP_DEFAULT_MAP | ENABLE);
    }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}
