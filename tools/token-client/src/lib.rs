//! Typed calls to a token over any byte stream: the host's end of the serial protocol.
//!
//! [`Client`] turns each request of [`core_nostd::wire`] into a method that returns owned values,
//! finds its way back after noise, time-outs and a token that was reset, and says in words what
//! went wrong. It blocks and needs no runtime.
//!
//! ```no_run
//! use token_client::{Address, Client};
//!
//! let address: Address = "unix:/tmp/token.sock".parse()?;
//! let mut token = Client::connect(&address)?;
//! println!("{:?}", token.info().state);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod address;
mod client;
mod error;
mod owned;
mod port;
mod session;

pub use address::{Address, AddressError};
pub use client::{
    AuditPage, AuditPosition, BookGrant, Client, EnrolmentError, EnrolmentPress, LoggedEvent, enrol,
};
pub use error::ClientError;
pub use owned::{
    OpenedAccount, OwnedBook, OwnedEntry, OwnedRules, OwnedStatement, OwnedWriter, Posted,
    WriterCut,
};
pub use port::Port;
pub use session::{Deadlines, OnWaiting};
