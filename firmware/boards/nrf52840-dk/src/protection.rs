//! The chip's own locks, beside the one on the debug port: why it was restarted, and which flash
//! may be touched (nRF52840 Product Specification: POWER, ACL).

use core::ops::Range;

use embassy_nrf::pac::{
    ACL, POWER,
    acl::{regs::Perm, vals},
    power::regs::Resetreas,
};

/// Whether power has just been applied, rather than the chip restarted by a fault, its watchdog,
/// the reset pin or the debug port. Forgets the answer.
pub fn take_power_on() -> bool {
    let reasons = POWER.resetreas().read();
    // A one clears its bit.
    POWER.resetreas().write_value(reasons);
    reasons == Resetreas(0)
}

/// What is left of the access to a region of the flash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It can be read and executed, not written or erased.
    Read,
    /// Not even that.
    Nothing,
}

/// Restricts the access to whole pages of the flash, until the next restart. There are eight
/// `slot`s, each of which can be used once.
pub fn seal(slot: usize, region: Range<u32>, left: Access) {
    let acl = ACL.acl(slot);
    let mut permissions = Perm(0);
    permissions.set_write(vals::Write::Disable);
    if left == Access::Nothing {
        permissions.set_read(vals::Read::Disable);
    }
    acl.addr().write_value(region.start);
    acl.size().write_value(region.end - region.start);
    acl.perm().write_value(permissions);
}
