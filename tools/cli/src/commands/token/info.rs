//! `tally token info`: what a token is and in which state, with its audit log's room.

use core_nostd::{
    ciphersuite::SuiteId,
    wire::{Info, Role, State, Status},
};
use serde::Serialize;

use super::role_names;
use crate::{
    failure::Result,
    settings::{Settings, Token},
};

/// Runs it.
pub fn run(settings: &Settings) -> Result<()> {
    let mut token = settings.token()?;
    let address = settings
        .token_address()
        .map(ToString::to_string)
        .unwrap_or_default();
    let info = TokenInfo::ask(address, &mut token)?;
    settings.format.print(&info.text(), &info)
}

/// What `tally token info` prints, and `tally status` of the token.
#[derive(Serialize)]
pub struct TokenInfo {
    /// Its address.
    pub address: String,
    /// `empty`, `locked`, `unlocked` or `blocked`.
    pub state: &'static str,
    /// Its writer identifier, once it has keys.
    pub writer: Option<String>,
    /// `treasury` or `writer`, once it has keys.
    pub role: Option<&'static str>,
    /// What it may open, once it has keys.
    pub may_open: Option<Vec<&'static str>>,
    /// Version of its firmware.
    pub firmware: String,
    /// Oldest and newest protocol version.
    pub protocol: [u8; 2],
    /// Whether its random numbers are those of a board's own generator.
    pub true_random: bool,
    /// Whether those pass their tests.
    pub random_ok: bool,
    /// Whether it was started in ceremony mode.
    pub ceremony: bool,
    /// Tries left for the PIN.
    pub tries_left: u8,
    /// Number of its books.
    pub books: u8,
    /// Number of writers on its list.
    pub writers: u8,
    /// Events in its audit log that nobody has acknowledged.
    pub audit_unread: u64,
    /// How many more there is room for; at none, it refuses releases until they are acknowledged.
    pub audit_room: u8,
    /// Suites it knows.
    pub suites: Vec<&'static str>,
    /// Most postings in one batch.
    pub batch_len_max: u8,
    /// Largest frame in bytes.
    pub frame_len_max: u16,
}

impl TokenInfo {
    /// What the token at `address` says of itself.
    pub fn ask(address: String, token: &mut Token) -> Result<Self> {
        let status = token.status()?;
        Ok(Self::new(address, token.info(), &status))
    }

    fn new(address: String, info: &Info, status: &Status) -> Self {
        let [major, minor, patch] = info.firmware;
        Self {
            address,
            state: match info.state {
                State::Empty => "empty",
                State::Locked => "locked",
                State::Unlocked => "unlocked",
                State::Blocked => "blocked",
                _ => "unknown",
            },
            writer: info.writer.map(|writer| writer.to_string()),
            role: status.role.map(|role| match role {
                Role::Treasury => "treasury",
                Role::Writer => "writer",
                _ => "unknown",
            }),
            may_open: info.policy.map(role_names),
            firmware: format!("{major}.{minor}.{patch}"),
            protocol: [info.version_min, info.version_max],
            true_random: info.true_random,
            random_ok: status.random_ok,
            ceremony: info.ceremony,
            tries_left: info.tries_left,
            books: info.books,
            writers: status.writers,
            audit_unread: status.audit_len.saturating_sub(status.audit_read),
            audit_room: status.audit_room,
            suites: SuiteId::ALL
                .into_iter()
                .filter(|suite| info.suites & (1 << (*suite as u8)) != 0)
                .map(SuiteId::name)
                .collect(),
            batch_len_max: info.batch_len_max,
            frame_len_max: info.frame_len_max,
        }
    }

    /// The same for people.
    pub fn text(&self) -> String {
        let yes_no = |yes| if yes { "yes" } else { "no" };
        let writer = self.writer.as_deref().unwrap_or("none yet");
        let may_open = self
            .may_open
            .as_ref()
            .map_or("nothing yet".to_owned(), |roles| {
                if roles.is_empty() {
                    "nothing".to_owned()
                } else {
                    roles.join(", ")
                }
            });
        format!(
            "token        {}\nstate        {}\nrole         {}\nwriter       {writer}\n\
             may open     {may_open}\nbooks        {}\nwriters      {} beside itself\n\
             audit log    {} to be read, room for {} more\n\
             PIN tries    {}\nfirmware     {}, protocol {} to {}\n\
             suites       {}\nown entropy  {}{}\nceremony     {}",
            self.address,
            self.state,
            self.role.unwrap_or("none yet"),
            self.books,
            self.writers,
            self.audit_unread,
            self.audit_room,
            self.tries_left,
            self.firmware,
            self.protocol[0],
            self.protocol[1],
            self.suites.join(", "),
            yes_no(self.true_random),
            if self.random_ok {
                ""
            } else {
                ", and it FAILS its tests"
            },
            yes_no(self.ceremony),
        )
    }
}
