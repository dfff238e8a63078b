//! How a command fails: a sentence for people and an exit code for scripts.

use std::{fmt::Display, io, path::Path, process::ExitCode};

use core_nostd::wire::TokenError;
use token_client::ClientError;

use crate::server::ServerError;

/// What `--help` says about exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed or refused
  2  wrong use: arguments, amounts, ids or files that are not what they should be
  3  the server can't be reached
  4  the token can't be reached
  5  the token refused
  6  a statement does not verify";

/// The result of everything a command does.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command ends early: what, why, and what to do.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One or more sentences. No PIN, no NID.
    pub text: String,
}

/// The exit codes of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Failed, or refused by the server.
    Failed = 1,
    /// Wrong use; clap exits with the same code.
    Usage = 2,
    /// The server can't be reached.
    NoServer = 3,
    /// The token can't be reached.
    NoToken = 4,
    /// The token refused.
    TokenRefused = 5,
    /// A statement does not verify.
    NotVerified = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Failure {
    /// A failure with this exit code.
    pub fn new(exit: Exit, text: impl Display) -> Self {
        Self {
            exit,
            text: text.to_string(),
        }
    }

    /// [`Exit::Failed`].
    pub fn failed(text: impl Display) -> Self {
        Self::new(Exit::Failed, text)
    }

    /// [`Exit::Usage`].
    pub fn usage(text: impl Display) -> Self {
        Self::new(Exit::Usage, text)
    }

    /// The same failure with one more sentence.
    pub fn and(mut self, sentence: &str) -> Self {
        self.text = format!("{}. {sentence}", self.text.trim_end_matches('.'));
        self
    }

    /// A file that can't be read or written.
    pub fn file(path: &Path, error: io::Error) -> Self {
        Self::failed(format_args!("{}: {error}", path.display()))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Token(refusal) => refusal.into(),
            error => Self::new(Exit::NoToken, error),
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::new(
            Exit::TokenRefused,
            format_args!("the token refused: {error}{}", advice(error)),
        )
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        let exit = match (&error, error.problem_name()) {
            (ServerError::Unreachable { .. }, _) => Exit::NoServer,
            // Said of the token that is attached to the server.
            (_, Some("token-unavailable")) => Exit::NoToken,
            (
                _,
                Some(
                    "token-locked" | "wrong-pin" | "token-denied" | "token-refused"
                    | "too-few-entries",
                ),
            ) => Exit::TokenRefused,
            _ => Exit::Failed,
        };
        Self::new(exit, error)
    }
}

/// What to do about a refusal, if anything.
fn advice(error: TokenError) -> &'static str {
    match error {
        TokenError::NotProvisioned => ". `tally token provision` makes its keys",
        TokenError::AlreadyProvisioned => {
            ". To start over, `tally token wipe` erases them, and with them every key of every book"
        }
        TokenError::Locked => ". `tally token unlock` opens it; --pin-file or TALLY_PIN do too",
        TokenError::Blocked => ". Only `tally token wipe` brings it back, without its keys",
        TokenError::CeremonyRequired => {
            ": hold the button while power is applied (`tally emulate --ceremony`)"
        }
        TokenError::Busy => ". Close the other program, or wait until its request has ended",
        TokenError::NotAllowed => {
            ". What a token may open is decided by `tally token policy --allow`, in ceremony mode"
        }
        TokenError::UnknownBook => ". `tally book create` makes one on token and server",
        TokenError::ClaimRefused => {
            ". Entries are missing, doubled, altered or foreign in it, or the server's record is \
             not this token's. `tally status` compares the two"
        }
        TokenError::PresenceTimeout | TokenError::Denied => ". Nothing was opened",
        TokenError::StorageFull | TokenError::StorageFailed => {
            ". Use another token, and keep this one for its keys"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_and_has_its_own_exit_code() {
        let failure = Failure::from(ClientError::Token(TokenError::Locked));
        assert_eq!(failure.exit, Exit::TokenRefused);
        assert_eq!(
            failure.text,
            "the token refused: the token is locked. `tally token unlock` opens it; --pin-file or \
             TALLY_PIN do too"
        );
    }

    #[test]
    fn a_missing_token_is_not_a_refusing_one() {
        assert_eq!(Failure::from(ClientError::Unplugged).exit, Exit::NoToken);
    }
}
