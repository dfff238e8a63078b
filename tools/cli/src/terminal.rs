//! The terminal of the person at the keyboard, wherever the standard streams go.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
};

use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// Moves home, and clears the screen and what has scrolled off it (ECMA-48, and xterm's ED 3).
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

/// The controlling terminal.
pub struct Terminal {
    tty: File,
}

impl Terminal {
    /// The terminal, if there is one.
    pub fn open() -> Option<Self> {
        let tty = File::options().read(true).write(true).open("/dev/tty");
        tty.ok().map(|tty| Self { tty })
    }

    /// Shows text.
    pub fn say(&mut self, text: &str) -> Result<()> {
        self.tty.write_all(text.as_bytes()).map_err(failed)
    }

    /// Clears the screen.
    pub fn clear(&mut self) -> Result<()> {
        self.say(CLEAR)
    }

    /// Asks for a line, which is seen as it is typed.
    pub fn ask(&mut self, question: &str) -> Result<Zeroizing<String>> {
        self.say(question)?;
        let mut line = Zeroizing::new(String::new());
        // A terminal gives one line at a time, so the reader takes nothing of the next.
        match BufReader::new(&self.tty).read_line(&mut line) {
            Ok(0) => Err(Failure::failed("nothing was typed")),
            outcome => outcome.map(|_| line).map_err(failed),
        }
    }

    /// Asks for a yes, which takes a `y`.
    pub fn agrees(&mut self, question: &str) -> Result<bool> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

fn failed(error: io::Error) -> Failure {
    Failure::failed(format_args!("the terminal: {error}"))
}
