//! A hostile host: arbitrary sequences of commands, good, nearly good and garbage, with restarts
//! and any person at the button, against a plain model of what the token must do.
//!
//! A sequence is a string of bytes, eight for each step, so that a property test and a fuzzer can
//! make them alike. After each step the token says of itself what the model says; what the model
//! refuses is refused with its error and changes nothing; what it allows is answered as it says.
//! The model knows every entry and cut, and a statement comes only for a sum that it has added up
//! itself: there is no other way to a plaintext. No position is ever signed twice.

mod answers;
mod claim;
pub mod driver;
mod model;
pub mod step;
