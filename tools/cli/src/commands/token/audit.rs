//! `tally token audit`: what happened to the token, in plain words, with the chain checked.
//!
//! A log that is kept has one JSON document a line for each event: its number, its encoding, the
//! hash of the chain behind it, and what it says. The next run goes on where the file ends, so a
//! log that was cut off, put back or replaced meanwhile is noticed.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use core_nostd::wire::{AuditEvent, Policy, audit::Released};
use serde::{Deserialize, Serialize};
use token_client::{AuditPage, AuditPosition, LoggedEvent};

use super::role_names;
use crate::{
    durable,
    failure::{Exit, Failure, Result},
    settings::{Settings, Token},
    teller::Teller,
};

/// Options of `tally token audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Acknowledge what was read, so that the token has room for more and forgets it
    #[arg(long)]
    acknowledge: bool,
    /// Number of the first event to show (default: the first that the token has)
    #[arg(long, value_name = "N", conflicts_with = "file")]
    since: Option<u64>,
    /// Go on with the log that is kept in this file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// An event as it is printed and kept.
#[derive(Debug, Deserialize, Serialize)]
struct Line {
    number: u64,
    event: String,
    bytes: String,
    hash: String,
}

/// What `tally token audit` prints.
#[derive(Serialize)]
struct Log {
    events: Vec<Line>,
    /// Number of events since the factory.
    length: u64,
    /// Hash of the chain behind the last.
    hash: String,
    acknowledged: bool,
}

/// Runs it.
pub fn run(settings: &Settings, args: &Args) -> Result<()> {
    let kept = match &args.file {
        Some(path) => read_file(path)?,
        None => String::new(),
    };
    let known = check(&kept)?;
    let mut token = Source::find(settings)?;
    let from = known.map_or(args.since.unwrap_or(0), |known| known.events);
    let (events, end) = read(&mut token, from, known)?;
    if let Some(path) = &args.file {
        keep(path, kept, &events)?;
    }
    if args.acknowledge {
        token.acknowledge(&end)?;
    }
    let log = Log {
        events,
        length: end.events,
        hash: hex::encode(end.hash),
        acknowledged: args.acknowledge,
    };
    settings.format.print(&text(&log), &log)
}

/// Where the log is read: at a token of this machine, or at the server's.
enum Source {
    Token(Box<Token>),
    Teller(Box<Teller>),
}

impl Source {
    fn find(settings: &Settings) -> Result<Self> {
        if settings.has_server()
            && let Some(teller) = Teller::unlocked(settings, &settings.server()?)?
        {
            return Ok(Self::Teller(Box::new(teller)));
        }
        Ok(Self::Token(Box::new(settings.unlocked_token()?)))
    }

    fn page(&mut self, from: u64) -> Result<AuditPage> {
        match self {
            Self::Token(token) => Ok(token.audit_log(from)?),
            Self::Teller(teller) => teller.audit_log(from),
        }
    }

    fn acknowledge(&mut self, position: &AuditPosition) -> Result<()> {
        match self {
            Self::Token(token) => Ok(token.acknowledge_audit(position)?),
            Self::Teller(teller) => teller.acknowledge_audit(position),
        }
    }
}

/// Reads to the end of the log, and checks that every page goes on where the last one ended.
fn read(
    token: &mut Source,
    from: u64,
    known: Option<AuditPosition>,
) -> Result<(Vec<Line>, AuditPosition)> {
    let mut page = token.page(from)?;
    if let Some(known) = known {
        continues(known, page.before)?;
    }
    let mut lines = vec![];
    loop {
        let mut position = page.before;
        for event in &page.events {
            let number = position.events;
            position = position.after(&event.bytes);
            lines.push(Line::new(number, event, &position));
        }
        if page.events.is_empty() {
            return Ok((lines, page.before));
        }
        let end = page.after;
        page = token.page(end.events)?;
        if page.before != end {
            return Err(broken(format_args!(
                "the chain breaks at event {}: the token's log was changed or is damaged",
                end.events
            )));
        }
    }
}

/// Whether the token's log goes on where the kept one ends.
fn continues(known: AuditPosition, shown: AuditPosition) -> Result<()> {
    if known == shown {
        return Ok(());
    }
    let (known, shown) = (known.events, shown.events);
    Err(match known.cmp(&shown) {
        std::cmp::Ordering::Less => broken(format_args!(
            "events {known} to {} are gone: somebody else acknowledged them, or a wipe erased \
             them. Keep this file as it is, and go on in a new one",
            shown - 1
        )),
        std::cmp::Ordering::Equal => broken(format_args!(
            "at event {known} the token's log is not the one in the file: is it another token?"
        )),
        std::cmp::Ordering::Greater => broken(format_args!(
            "the token's log ends at event {shown}, the one in the file at {known}: it is another \
             token, or an old state of its flash was put back"
        )),
    })
}

fn broken(text: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::NotVerified, text)
}

impl Line {
    fn new(number: u64, logged: &LoggedEvent, after: &AuditPosition) -> Self {
        Self {
            number,
            event: words(&logged.event),
            bytes: hex::encode(&logged.bytes),
            hash: hex::encode(after.hash),
        }
    }
}

/// What a file holds; nothing, if there is none.
fn read_file(path: &Path) -> Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| Failure::file(path, error)),
    }
}

/// Where a kept log ends, once each of its events is chained to the one before. What the first one
/// is chained to, nobody knows who has not seen it.
fn check(kept: &str) -> Result<Option<AuditPosition>> {
    let mut known: Option<AuditPosition> = None;
    for (index, line) in kept.lines().enumerate() {
        let damaged = || {
            let line = index + 1;
            broken(format_args!(
                "line {line} of the file does not follow from those before"
            ))
        };
        let line: Line = serde_json::from_str(line).map_err(|_| damaged())?;
        let bytes = hex::decode(&line.bytes).map_err(|_| damaged())?;
        let mut hash = [0; 32];
        hex::decode_to_slice(&line.hash, &mut hash).map_err(|_| damaged())?;
        let events = line.number.checked_add(1).ok_or_else(damaged)?;
        let here = AuditPosition { events, hash };
        let start = (line.number == 0).then(AuditPosition::default);
        if known
            .or(start)
            .is_some_and(|known| known.after(&bytes) != here)
        {
            return Err(damaged());
        }
        known = Some(here);
    }
    Ok(known)
}

/// Adds events to a kept log; when this returns, they survive a power cut.
fn keep(path: &Path, mut kept: String, events: &[Line]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    for event in events {
        kept += &serde_json::to_string(event).map_err(Failure::failed)?;
        kept.push('\n');
    }
    durable::write(path, kept.as_bytes()).map_err(|error| Failure::file(path, error))
}

fn text(log: &Log) -> String {
    let mut text = String::new();
    for line in &log.events {
        text += &format!("{:>6}  {}\n", line.number, line.event);
    }
    if log.events.is_empty() {
        text += "nothing new\n";
    }
    let acknowledged = if log.acknowledged {
        ", acknowledged"
    } else {
        ""
    };
    text + &format!(
        "{} events in all{acknowledged}, hash {}",
        log.length, log.hash
    )
}

/// An event in plain words.
fn words(event: &AuditEvent) -> String {
    match event {
        AuditEvent::Provisioned { writer, policy } => {
            format!("keys were made: writer {writer}, may open {}", may(*policy))
        }
        AuditEvent::Restored { writer, policy } => {
            format!(
                "keys were restored: writer {writer}, may open {}",
                may(*policy)
            )
        }
        AuditEvent::Enrolled { writer } => format!("it joined a treasury as writer {writer}"),
        AuditEvent::UnlockFailed { tries_left } => {
            format!("a PIN was wrong, {tries_left} tries left")
        }
        AuditEvent::PinChanged => "the PIN was changed".to_owned(),
        AuditEvent::Released { number, book, what } => {
            format!("statement {number}: {} of book {book}", opened(what))
        }
        AuditEvent::PolicyChanged { policy } => {
            format!("the policy was changed: may open {}", may(*policy))
        }
        AuditEvent::WriterRenewed { old, new } => {
            format!("writer {old} was given up, it goes on as {new}")
        }
        AuditEvent::WriterEnrolled { writer } => format!("writer {writer} was enrolled"),
        AuditEvent::WriterAdmitted { writer } => {
            format!("writer {writer} was admitted without an enrolment")
        }
        AuditEvent::WriterRevoked { writer } => format!("writer {writer} was revoked"),
        AuditEvent::BackedUp { threshold, shares } => {
            format!("{shares} shares of the seed were made, any {threshold} bring it back")
        }
        AuditEvent::BookImported { book } => format!("book {book} came with a key of its own"),
        AuditEvent::NidRevealed { book, account } => {
            format!("the NID of account {account} of book {book} was revealed")
        }
        AuditEvent::Wiped => "EVERYTHING WAS ERASED but this log".to_owned(),
        _ => "something this program is too old for".to_owned(),
    }
}

fn opened(what: &Released) -> String {
    match what {
        Released::Total { entries } => format!("a total of {entries} entries"),
        Released::Balance { account } => format!("the BALANCE of account {account}"),
        Released::Open { entries } => format!("an open sum of {entries} entries"),
        _ => "something this program is too old for".to_owned(),
    }
}

fn may(policy: Policy) -> String {
    match &role_names(policy)[..] {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of three events, as it is kept, from an event on.
    fn kept(skip: usize) -> String {
        let mut position = AuditPosition::default();
        let mut lines = vec![];
        for (number, bytes) in [[4_u8].as_slice(), &[3, 7], &[14]].into_iter().enumerate() {
            position = position.after(bytes);
            lines.push(Line {
                number: number as u64,
                event: "something".to_owned(),
                bytes: hex::encode(bytes),
                hash: hex::encode(position.hash),
            });
        }
        lines[skip..]
            .iter()
            .map(|line| serde_json::to_string(line).expect("JSON") + "\n")
            .collect()
    }

    #[test]
    fn a_kept_log_ends_where_its_chain_does() {
        assert_eq!(check("").expect("an empty file"), None);
        let end = check(&kept(0)).expect("one chain").expect("three events");
        assert_eq!(end.events, 3);
        assert_eq!(check(&kept(1)).expect("a later start"), Some(end));
    }

    #[test]
    fn a_kept_log_that_was_changed_is_refused() {
        let good = kept(0);
        let lines: Vec<_> = good.lines().collect();
        for changed in [
            good.replace("0307", "0306"),
            good.replace("\"number\":1", "\"number\":2"),
            [lines[0], lines[2]].join("\n"),
            [lines[1], lines[0], lines[2]].join("\n"),
            good.replace("\"bytes\":\"04\"", "\"bytes\":\"05\""),
            good[..good.len() - 5].to_owned(),
        ] {
            assert_ne!(changed, good);
            let refused = check(&changed).expect_err("it was changed");
            assert_eq!(refused.exit, Exit::NotVerified);
        }
    }

    #[test]
    fn only_the_same_log_goes_on() {
        let at = |events, hash| AuditPosition {
            events,
            hash: [hash; 32],
        };
        assert!(continues(at(5, 1), at(5, 1)).is_ok());
        for shown in [at(5, 2), at(6, 1), at(4, 1)] {
            let refused = continues(at(5, 1), shown).expect_err("another log");
            assert_eq!(refused.exit, Exit::NotVerified);
        }
    }

    #[test]
    fn every_event_is_said_in_words_of_its_own() {
        let said = [
            words(&AuditEvent::PinChanged),
            words(&AuditEvent::Wiped),
            words(&AuditEvent::UnlockFailed { tries_left: 3 }),
            words(&AuditEvent::BackedUp {
                threshold: 2,
                shares: 3,
            }),
        ];
        for (index, one) in said.iter().enumerate() {
            assert!(!said[..index].contains(one) && !one.contains("too old"));
        }
    }
}
