//! The server over real sockets, on the memory store: every route, and every way to misuse it.
//!
//! Entries come from real keys, and sums are verified as a token would.

mod accounts;
mod bad_input;
mod books;
mod broken_lines;
mod bulk;
mod cuts;
mod desk;
mod entries;
mod envelope;
mod events;
mod fixtures;
mod keys;
mod line;
mod metrics;
mod openapi;
mod protocol;
mod statements;
mod teller;
mod totals;
