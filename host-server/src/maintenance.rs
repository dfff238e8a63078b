//! Work on a whole ledger, from the command line: `host-server verify`, `rebuild`, `export`,
//! `import`.

pub mod command;
pub mod progress;
pub mod rebuild;
pub mod verify;

#[cfg(test)]
mod tests;
