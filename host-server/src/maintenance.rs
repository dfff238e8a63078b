//! Work on a whole ledger, from the command line: `host-server verify`, `rebuild`, `export`,
//! `import`.

pub mod command;
pub mod progress;
