//! The person at an emulated token: asked on the terminal, or replaced by a rule or a script.

use std::collections::VecDeque;
use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firmware_token::{Notice, Presence, Prompt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How the questions of an emulated token are answered, as named on a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// By a person at the terminal.
    Ask,
    /// Always yes: whoever can talk to the token has its button too.
    Yes,
    /// Always no.
    No,
}

impl FromStr for Answers {
    type Err = String;

    /// Reads `ask`, `yes` or `no`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ask" => Ok(Self::Ask),
            "yes" => Ok(Self::Yes),
            "no" => Ok(Self::No),
            _ => Err(format!(
                "`{text}` is no way to answer: `ask`, `yes` or `no`"
            )),
        }
    }
}

/// Who answers the questions of an emulated token.
pub enum Person {
    /// A person at the terminal.
    AtTerminal(Terminal),
    /// The same answer to every question, which is still shown on the terminal.
    Always(bool),
    /// A script, for tests.
    Script(Script),
}

impl From<Answers> for Person {
    fn from(answers: Answers) -> Self {
        match answers {
            Answers::Ask => Self::AtTerminal(Terminal::open()),
            Answers::Yes => Self::Always(true),
            Answers::No => Self::Always(false),
        }
    }
}

impl Presence for Person {
    fn ask(&mut self, prompt: &Prompt<'_>) {
        match self {
            Self::AtTerminal(terminal) => terminal.ask(prompt),
            Self::Always(answer) => {
                let answer = if *answer { "yes" } else { "no" };
                eprintln!("? {}: {answer}", printable(prompt));
            }
            Self::Script(script) => script.ask(prompt),
        }
    }

    fn poll(&mut self) -> Option<bool> {
        match self {
            Self::AtTerminal(terminal) => terminal.poll(),
            Self::Always(answer) => Some(*answer),
            Self::Script(script) => script.poll(),
        }
    }

    fn done(&mut self) {
        match self {
            Self::AtTerminal(terminal) => terminal.done(),
            Self::Always(_) => {}
            Self::Script(script) => script.done(),
        }
    }

    fn show(&mut self, notice: &Notice<'_>) {
        match self {
            Self::AtTerminal(terminal) => terminal.print(&format!("= {}\n", printable(notice))),
            Self::Always(_) => eprintln!("= {}", printable(notice)),
            Self::Script(script) => script.lock().notices.push(notice.to_string()),
        }
    }
}

/// A person at the process's terminal, or at its standard input if it has none.
pub struct Terminal {
    tty: Option<File>,
    answer: Option<bool>,
    is_open: bool,
}

impl Terminal {
    /// The controlling terminal; without one, standard input and standard error.
    #[must_use]
    pub fn open() -> Self {
        let tty = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok();
        Self {
            tty,
            answer: None,
            is_open: false,
        }
    }

    fn ask(&mut self, prompt: &Prompt<'_>) {
        self.is_open = true;
        // Earlier key presses do not count; an input that never falls silent has answered no.
        self.answer = if self.drain() { None } else { Some(false) };
        self.print(&format!("? {} [y/n] ", printable(prompt)));
    }

    fn poll(&mut self) -> Option<bool> {
        if self.is_open && self.answer.is_none() && self.has_input() {
            // A line counts by its first letter; the end of the input or a failure is a no.
            self.answer = match self.read_some().as_deref().map(<[u8]>::trim_ascii_start) {
                Some([b'y' | b'Y', ..]) => Some(true),
                _ => Some(false),
            };
        }
        self.answer
    }

    fn done(&mut self) {
        if self.is_open && self.answer.is_none() {
            self.print("(withdrawn)\n");
        }
        self.is_open = false;
        self.answer = None;
    }

    /// Prints; a terminal that is gone is no reason to stop, its person just can't say yes.
    fn print(&mut self, text: &str) {
        let _ = match &mut self.tty {
            Some(tty) => tty.write_all(text.as_bytes()),
            None => io::stderr().write_all(text.as_bytes()),
        };
    }

    /// Reads what was typed so far; false if there is no end to it.
    fn drain(&mut self) -> bool {
        const READS_MAX: usize = 256;
        for _ in 0..READS_MAX {
            let is_more =
                self.has_input() && self.read_some().is_some_and(|input| !input.is_empty());
            if !is_more {
                return true;
            }
        }
        false
    }

    fn has_input(&self) -> bool {
        match &self.tty {
            // In the background, reading from the terminal would stop the process.
            Some(tty) => is_in_foreground(tty) && is_readable(tty),
            None => is_readable(io::stdin()),
        }
    }

    /// What is there to read, at most a line; `None` at a failure.
    fn read_some(&mut self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 256];
        let len = match &mut self.tty {
            Some(tty) => tty.read(&mut bytes).ok()?,
            // Past the buffer of `io::stdin`, which would hide input from `poll`.
            None => rustix::io::read(io::stdin(), &mut bytes).ok()?,
        };
        bytes.truncate(len);
        Some(bytes)
    }
}

fn is_readable(input: impl AsFd) -> bool {
    let mut fds = [PollFd::new(&input, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

fn is_in_foreground(tty: &File) -> bool {
    rustix::termios::tcgetpgrp(tty).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Answers from a list, and a record of what was shown; its clones are the same script.
///
/// A question without an answer in the list waits until one is [pushed](Self::push).
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<Record>>);

#[derive(Default)]
struct Record {
    answers: VecDeque<bool>,
    given: Option<bool>,
    is_open: bool,
    prompts: Vec<String>,
    notices: Vec<String>,
}

impl Script {
    /// A script that gives `answers`, one to a question.
    pub fn new(answers: impl IntoIterator<Item = bool>) -> Self {
        let script = Self::default();
        script.lock().answers.extend(answers);
        script
    }

    /// Adds an answer at the end of the list.
    pub fn push(&self, answer: bool) {
        self.lock().answers.push_back(answer);
    }

    /// The questions asked so far.
    #[must_use]
    pub fn prompts(&self) -> Vec<String> {
        self.lock().prompts.clone()
    }

    /// The results shown so far.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        self.lock().notices.clone()
    }

    fn ask(&self, prompt: &Prompt<'_>) {
        let mut record = self.lock();
        record.prompts.push(prompt.to_string());
        record.given = None;
        record.is_open = true;
    }

    fn poll(&self) -> Option<bool> {
        let mut record = self.lock();
        if record.is_open && record.given.is_none() {
            record.given = record.answers.pop_front();
        }
        record.given
    }

    fn done(&self) {
        let mut record = self.lock();
        record.is_open = false;
        record.given = None;
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        // A record is whole after each statement, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Text without control characters: names come from the host, and must not drive the terminal.
fn printable(text: &impl Display) -> String {
    text.to_string()
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_answers_each_question_once_and_keeps_a_record() {
        let script = Script::new([true, false]);
        let mut person = Person::Script(script.clone());
        assert_eq!(person.poll(), None, "nothing was asked");
        person.ask(&Prompt::Provision);
        assert_eq!((person.poll(), person.poll()), (Some(true), Some(true)));
        person.done();
        person.ask(&Prompt::Wipe);
        assert_eq!(person.poll(), Some(false));
        person.done();
        person.ask(&Prompt::ReleaseTotal {
            book: "main",
            entries: 16,
        });
        assert_eq!(person.poll(), None, "the list is at its end");
        script.push(true);
        assert_eq!(person.poll(), Some(true));
        person.show(&Notice::Opened {
            book: "main",
            currency: "EUR",
            minor: 1234,
            scale: 2,
        });
        let prompts = script.prompts();
        assert_eq!(prompts.len(), 3);
        assert_eq!(prompts[1], Prompt::Wipe.to_string());
        assert!(prompts[2].contains("main") && prompts[2].contains("16"));
        assert!(script.notices()[0].contains("EUR 12.34"));
    }

    #[test]
    fn a_rule_always_gives_its_answer() {
        for answer in [true, false] {
            let mut person = Person::Always(answer);
            person.ask(&Prompt::Provision);
            assert_eq!(person.poll(), Some(answer));
        }
    }

    #[test]
    fn names_cannot_drive_the_terminal() {
        let prompt = Prompt::ReleaseTotal {
            book: "a\x1b[2J\r\nb\u{9b}",
            entries: 1,
        };
        assert!(!printable(&prompt).chars().any(char::is_control));
    }

    #[test]
    fn a_command_line_names_the_ways_to_answer() {
        assert_eq!("ask".parse(), Ok(Answers::Ask));
        assert_eq!("yes".parse(), Ok(Answers::Yes));
        assert_eq!("no".parse(), Ok(Answers::No));
        assert!(
            "maybe"
                .parse::<Answers>()
                .unwrap_err()
                .contains("`ask`, `yes` or `no`")
        );
    }
}
