//! The end-to-end tests. Each scenario is written once and runs on several pairs of carrier and
//! store, so that every carrier and every store is met.

/// Every attack of the design's model, replayed over the wire.
mod attacks;
/// The audit log, filled and read.
mod audit;
/// Shares of a seed, from one token into another, and through another program.
mod backup;
/// The programs as processes, killed and mistyped at.
#[cfg(feature = "cli")]
mod binaries;
/// A treasury and a branch, from the command line.
#[cfg(feature = "cli")]
mod branches;
/// Equal numbers of instructions for every secret, on the target.
#[cfg(feature = "qemu")]
mod counts;
/// Everything over TLS with keys, and what the server's log tells of it.
#[cfg(feature = "cli")]
mod exposed;
/// Single instructions left out where secrets are guarded.
#[cfg(feature = "faults")]
mod faults;
/// Many clients at once, and the order in which it may have been.
mod histories;
/// A key made elsewhere, and what was encrypted under it.
mod imported_key;
/// Processes killed in the middle of everything.
#[cfg(feature = "cli")]
mod kills;
/// The image of a real board, on a model of its chip.
#[cfg(feature = "kit")]
mod kit;
/// Keys, PIN, button and wipe.
mod life;
/// LightPHE at the other side, live.
#[cfg(feature = "lightphe")]
mod lightphe;
/// Noise, damaged frames and wrong sessions on the serial line.
mod line;
/// Ledgers moved, and edited by hand.
#[cfg(feature = "mongo")]
mod maintenance;
/// A network that breaks between server and database.
#[cfg(all(feature = "cli", feature = "mongo"))]
mod network;
/// Open books in the finite-field suites.
mod open_books;
/// The core against big integers.
mod oracle;
/// Which indexes MongoDB uses, by its own account.
#[cfg(feature = "mongo")]
mod plans;
/// The firmware image, killed in the middle of commands.
#[cfg(feature = "qemu")]
mod power;
/// Sums outside the window that is searched.
#[cfg(feature = "cli")]
mod range;
/// A store that fails at any of its calls.
mod refusals;
/// A server that was restored from a copy older than the token, and the way out.
#[cfg(feature = "cli")]
mod renewal;
/// Requests that a program makes up from the description of the API.
#[cfg(feature = "schemathesis")]
mod requests;
/// Statements as files, before two verifiers that share nothing.
mod statements;
/// The store in a real MongoDB, killed and contended for.
#[cfg(feature = "mongo")]
mod store;
/// The main job, with power cuts in the middle.
mod story;
/// Words of a backup on a screen, and typed in again.
#[cfg(feature = "cli")]
mod words;
/// Two writers and one treasury.
mod writers;
