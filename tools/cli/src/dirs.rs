//! Where files go: the XDG base directories.

use std::{env, path::PathBuf};

use crate::failure::{Failure, Result};

/// The folder below a base directory in which everything of ours is.
const OURS: &str = "tallystick";

/// `$XDG_CONFIG_HOME/tallystick`: settings.
pub fn config() -> Result<PathBuf> {
    base("XDG_CONFIG_HOME", ".config")
}

/// `$XDG_STATE_HOME/tallystick`: entries that wait for a server, and how far imports are.
pub fn state() -> Result<PathBuf> {
    base("XDG_STATE_HOME", ".local/state")
}

/// `$XDG_CACHE_HOME/tallystick`: tables that can be made again.
pub fn cache() -> Result<PathBuf> {
    base("XDG_CACHE_HOME", ".cache")
}

fn base(variable: &str, below_home: &str) -> Result<PathBuf> {
    // The specification has relative paths ignored.
    let from = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    from(variable)
        .or_else(|| Some(from("HOME")?.join(below_home)))
        .map(|base| base.join(OURS))
        .ok_or_else(|| {
            Failure::usage(format!(
                "neither {variable} nor HOME is set to an absolute path"
            ))
        })
}
