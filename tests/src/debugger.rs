//! QEMU's debugger port: a machine runs on to its n-th store into a piece of memory, and stops
//! there. So a test can come between two stores without a clock.
//!
//! The protocol is gdb's: `$packet#checksum` either way, and `+` for one that has arrived.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
};

/// A machine that stops at every store into a piece of its memory.
pub struct Watch {
    commands: UnixStream,
    answers: BufReader<UnixStream>,
    /// What is watched, as gdb says it.
    piece: String,
}

/// Ends [`Watch::run`] from another thread.
pub struct EndOfWatch(UnixStream);

impl Watch {
    /// Watches `len` bytes from `address` on. The machine stands still until [`Self::run`].
    pub(crate) fn new(port: UnixStream, address: u32, len: u32) -> Self {
        Self {
            answers: BufReader::new(port.try_clone().expect("a handle")),
            commands: port,
            piece: format!("2,{address:x},{len:x}"),
        }
    }

    /// What ends [`Self::run`].
    #[must_use]
    pub fn end(&self) -> EndOfWatch {
        EndOfWatch(self.commands.try_clone().expect("a handle"))
    }

    /// Lets the machine run until `limit` instructions have stored something there, and it stands
    /// still again; or until it or the watch has ended. Returns how many have.
    pub fn run(&mut self, limit: u64) -> u64 {
        (0..limit)
            .find(|_| self.next_store().is_none())
            .unwrap_or(limit)
    }

    /// The machine stops before it stores, so the watch is off while it does. `None` at the end.
    fn next_store(&mut self) -> Option<()> {
        let piece = self.piece.clone();
        self.ask(&format!("Z{piece}"), "OK")?;
        self.ask("c", "T05")?;
        self.ask(&format!("z{piece}"), "OK")?;
        self.ask("s", "T05")
    }

    /// Sends a packet and waits for an answer that begins so. `None` if the line has ended.
    fn ask(&mut self, packet: &str, expected: &str) -> Option<()> {
        let sum = packet.bytes().fold(0, u8::wrapping_add);
        write!(self.commands, "+${packet}#{sum:02x}").ok()?;
        loop {
            let mut answer = Vec::new();
            self.answers.read_until(b'#', &mut answer).ok()?;
            self.answers.read_exact(&mut [0; 2]).ok()?;
            let answer = String::from_utf8(answer).expect("gdb's packets are text");
            match answer.split_once('$')?.1 {
                answer if answer.starts_with(expected) => return Some(()),
                // Some versions of QEMU say that they were stopped when the debugger came.
                "T02thread:01;#" => {}
                answer => panic!("{answer} is no answer to {packet}"),
            }
        }
    }
}

impl EndOfWatch {
    /// Ends the watch, and what the machine does after that is not known.
    pub fn now(self) {
        // Fails if QEMU has ended it.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
