//! Options that every command takes: from flags, environment or the configuration file, in this
//! order.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Deserialize;
use token_client::{Address, Client, Port};
use zeroize::Zeroizing;

use crate::{
    access::{self, Access},
    dirs,
    failure::{Exit, Failure, Result},
    out::Format,
    pin::PinSource,
    release,
    server::Server,
    spool::Spool,
};

/// A token that can be talked to.
pub type Token = Client<Port>;

/// Flags of every command.
#[derive(Debug, Default, Args)]
pub struct Global {
    /// The server
    #[arg(long, global = true, env = "TALLY_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// The token: unix:PATH, tty:PATH or tcp:HOST:PORT
    #[arg(long, global = true, env = "TALLY_TOKEN", value_name = "ADDRESS")]
    pub token: Option<Address>,
    #[command(flatten)]
    pub access: access::Flags,
    /// A file whose first line is the PIN (else TALLY_PIN, else asked for)
    #[arg(long, global = true, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
    /// Where signed entries wait for the server
    #[arg(long, global = true, value_name = "FOLDER")]
    pub spool: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// The configuration file: `key = value`, each key a flag.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConfigFile {
    server: Option<String>,
    token: Option<String>,
    pin_file: Option<PathBuf>,
    spool: Option<PathBuf>,
    api_key_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    client_cert_file: Option<PathBuf>,
}

/// Every option, settled.
pub struct Settings {
    server: Option<String>,
    access: access::Flags,
    token: Option<Address>,
    /// Where the PIN comes from.
    pub pin: PinSource,
    spool: Option<PathBuf>,
    /// How results are printed.
    pub format: Format,
}

impl Settings {
    /// Settles the options of a command.
    pub fn new(flags: Global) -> Result<Self> {
        let path = dirs::config().map(|folder| folder.join("config.toml"));
        let file = path.map_or_else(|_| Ok(ConfigFile::default()), |path| read_config(&path))?;
        let token = match (flags.token, file.token) {
            (None, Some(text)) => Some(text.parse().map_err(|error| {
                Failure::usage(format!("the configuration file: `{text}`: {error}"))
            })?),
            (flag, _) => flag,
        };
        Ok(Self {
            server: flags.server.filter(|url| !url.is_empty()).or(file.server),
            access: access::Flags {
                api_key_file: flags.access.api_key_file.or(file.api_key_file),
                ca_file: flags.access.ca_file.or(file.ca_file),
                client_cert_file: flags.access.client_cert_file.or(file.client_cert_file),
            },
            token,
            pin: PinSource {
                file: flags.pin_file.or(file.pin_file),
                variable: env::var("TALLY_PIN")
                    .ok()
                    .filter(|pin| !pin.is_empty())
                    .map(Zeroizing::new),
            },
            spool: flags.spool.or(file.spool),
            format: if flags.json {
                Format::Json
            } else {
                Format::Human
            },
        })
    }

    /// The server, which need not answer yet.
    pub fn server(&self) -> Result<Server> {
        let url = self.server.as_deref().ok_or_else(|| {
            Failure::usage("which server? Give --server URL, or set TALLY_SERVER")
        })?;
        Server::new(url, Access::read(&self.access)?)
    }

    /// Whether a server was named.
    pub fn has_server(&self) -> bool {
        self.server.is_some()
    }

    /// The address of the token, if one was named.
    pub fn token_address(&self) -> Option<&Address> {
        self.token.as_ref()
    }

    /// The token, in whatever state it is.
    pub fn token(&self) -> Result<Token> {
        let address = self.token.as_ref().ok_or_else(|| {
            Failure::usage(
                "which token? Give --token unix:PATH, tty:PATH or tcp:HOST:PORT, or TALLY_TOKEN",
            )
        })?;
        Ok(Client::connect(address)?)
    }

    /// The token, unlocked: with the PIN, if it was locked and there is one.
    pub fn unlocked_token(&self) -> Result<Token> {
        self.unlock(self.token()?)
    }

    /// A token, unlocked like [`Self::unlocked_token`].
    pub fn unlock(&self, mut token: Token) -> Result<Token> {
        use core_nostd::wire::{State, TokenError};
        match token.info().state {
            State::Locked => {
                let pin = self
                    .pin
                    .read("PIN of the token")?
                    .ok_or(TokenError::Locked)?;
                release::announce_delay(&mut token);
                token.unlock(&pin)?;
            }
            State::Empty => return Err(TokenError::NotProvisioned.into()),
            State::Blocked => return Err(TokenError::Blocked.into()),
            _ => {}
        }
        Ok(token)
    }

    /// The folder in which signed entries wait for the server.
    pub fn spool(&self) -> Result<Spool> {
        let folder = match &self.spool {
            Some(folder) => folder.clone(),
            None => dirs::state()?.join("spool"),
        };
        Spool::open(folder)
    }
}

fn read_config(path: &Path) -> Result<ConfigFile> {
    match fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text).map_err(|error| {
            Failure::new(Exit::Usage, format_args!("{}: {error}", path.display()))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(ConfigFile::default()),
        Err(error) => Err(Failure::file(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<ConfigFile> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        fs::write(&path, text).expect("a file");
        read_config(&path)
    }

    #[test]
    fn the_configuration_file_has_the_names_of_the_flags() {
        let file = config("server = \"http://a\"\ntoken = \"tty:/dev/x\"\npin-file = \"/p\"\n")
            .expect("settings");
        let expected = ConfigFile {
            server: Some("http://a".into()),
            token: Some("tty:/dev/x".into()),
            pin_file: Some("/p".into()),
            ..ConfigFile::default()
        };
        assert_eq!(file, expected);
    }

    #[test]
    fn a_misspelt_key_or_a_pin_in_the_file_is_an_error_that_names_the_file() {
        for text in ["sever = \"http://a\"", "pin = \"1234\"", "server ="] {
            let failure = config(text).expect_err(text);
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.text.contains("config.toml"), "{}", failure.text);
        }
    }

    #[test]
    fn there_need_be_no_configuration_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = read_config(&folder.path().join("config.toml")).expect("defaults");
        assert_eq!(file, ConfigFile::default());
    }
}
