//! All behaviour of the token, generic over the [`Platform`] it runs on.
#![no_std]
#![forbid(unsafe_code)]

pub mod device;
pub mod nor;
pub mod pin;
pub mod platform;

pub use platform::{Clock, Notice, Platform, Ports, Presence, Prompt};
/// The return type of [`Platform::stretch_pin`], so that a board needs no dependency for it.
pub use zeroize::Zeroizing;
