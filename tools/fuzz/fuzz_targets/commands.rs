//! See `tallystick_fuzz`: the assertions are there.
#![no_main]

tallystick_fuzz::fuzz!("commands");
