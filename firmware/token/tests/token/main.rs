//! The behaviour of a token, asked for over its line, on a flash that is kept in memory.
//!
//! Every test talks to the token as a host does, in frames, through [`bench::Bench`].

mod attacks;
mod audit;
mod backup;
mod bench;
mod campaign;
mod cuts;
mod enrolment;
mod entropy;
mod foreign_keys;
mod hostile;
mod ledger;
mod life;
mod line;
mod pin;
mod posting;
mod presence;
mod release;
mod renewal;
mod reveal;
mod sequences;
mod storage;
mod wear;
mod wiping;
mod writers;
