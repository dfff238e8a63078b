//! The server over real sockets, on the memory store: every route, and every way to misuse it.
//!
//! Entries come from real keys, and sums are verified as a token would.

mod accounts;
mod books;
mod cuts;
mod entries;
mod fixtures;
mod protocol;
mod statements;
mod totals;
