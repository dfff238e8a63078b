//! The person in front of the token, at the end of the third UART.
//!
//! One line for each thing shown: `? ` and the question, `= ` and a verified result, `! ` and
//! a fault. The answer is the byte `y` or `n`; other bytes are passed over.

use core::fmt::{self, Write as _};

use firmware_token::{Notice, Presence, Prompt};

use crate::{clock, uart::Uart};

/// A line this long without a byte is empty: whatever was typed before the question is gone.
const QUIET_MS: u64 = 20;

/// For so long at most the line may take to fall quiet before a question.
const DRAIN_MS_MAX: u64 = 500;

/// Prompts out, answers in.
pub struct Panel {
    uart: Uart,
    state: State,
}

enum State {
    Idle,
    Asked,
    /// With this byte, which is looked at whenever the answer is asked for.
    Answered(u8),
}

impl Panel {
    /// A panel with nothing to ask.
    pub fn new(uart: Uart) -> Self {
        Self {
            uart,
            state: State::Idle,
        }
    }

    /// Shows a line: a mark, a space and the text, whose control characters become `?`.
    pub fn line(&mut self, mark: char, text: impl fmt::Display) {
        // Cannot fail: `Line` never does, and the text is the token's own.
        let _ = write!(Line(&mut self.uart), "{mark} {text}");
        self.uart.put(b'\n');
    }

    /// Reads until the line is quiet; false if it never falls quiet.
    fn drain(&mut self) -> bool {
        let start = clock::now_ms();
        let mut last = start;
        loop {
            let now = clock::now_ms();
            if self.uart.take().is_some() {
                last = now;
            }
            if now - last > QUIET_MS {
                return true;
            }
            if now - start > DRAIN_MS_MAX {
                return false;
            }
        }
    }
}

impl Presence for Panel {
    fn ask(&mut self, prompt: &Prompt<'_>) {
        // A line that chatters can't have waited for the question, so it has answered no.
        self.state = if self.drain() {
            State::Asked
        } else {
            State::Answered(b'n')
        };
        self.line('?', prompt);
    }

    fn poll(&mut self) -> Option<bool> {
        while let State::Asked = self.state {
            if let answer @ (b'y' | b'n') = self.uart.take()? {
                self.state = State::Answered(answer);
            }
        }
        match self.state {
            State::Answered(answer) => Some(answer == b'y'),
            State::Idle | State::Asked => None,
        }
    }

    fn done(&mut self) {
        self.state = State::Idle;
    }

    fn show(&mut self, notice: &Notice<'_>) {
        self.line('=', notice);
    }
}

struct Line<'a>(&'a mut Uart);

impl fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0
                .put(if byte.is_ascii_control() { b'?' } else { byte });
        }
        Ok(())
    }
}
