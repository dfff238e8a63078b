//! All behaviour of the token, generic over the [`Platform`] it runs on.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::alloc_instead_of_core, clippy::std_instead_of_core)]

mod audit;
mod backup;
pub mod blink;
mod books;
pub mod button;
pub mod device;
mod dispatch;
mod engine;
mod enrolment;
mod entropy;
mod foreign_keys;
mod limits;
pub mod nor;
pub mod platform;
mod posting;
mod presence;
mod release;
mod reveal;
mod serial;
mod session;
mod storage;
mod suites;
mod token;
mod vault;
mod writers;

pub use button::{Active, ButtonAndLed};
pub use core_nostd::pbkdf2::pbkdf2;
pub use embedded_hal::delay::DelayNs;
pub use platform::{Clock, Notice, Platform, Ports, Presence, Prompt};
pub use presence::PROMPT_TIMEOUT_MS;
pub use token::{Token, busy_frame};
pub use vault::TRIES_MAX;
/// The return type of [`Platform::stretch_pin`], so that a board needs no dependency for it.
pub use zeroize::Zeroizing;
