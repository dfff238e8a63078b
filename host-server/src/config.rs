//! What the program is told: options, environment, and an optional file for the rest.

use std::{fs, net::SocketAddr, path::PathBuf, str::FromStr};

use axum::http::{HeaderValue, Uri};
use clap::{Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use token_client::Address;

use crate::{
    http::{self, Rate},
    keys::command::KeyCommand,
    maintenance::command::Maintenance,
    tls::Files,
};
use exposure::Exposure;

pub mod exposure;

/// Stores encrypted entries and adds them up; it can't read any of them.
///
/// An option not given is looked for in the environment, then in the file named by --config (TOML,
/// with the keys that --print-config shows).
#[derive(Parser)]
#[command(name = "host-server", version, after_help = EXAMPLES)]
struct Args {
    /// Address to serve on; port 0 takes a free one [default: 127.0.0.1:8470]
    ///
    /// An address that other machines reach needs TLS, a public name and an API key.
    #[arg(long, value_name = "ADDRESS", env = "HOST_SERVER_LISTEN")]
    listen: Option<SocketAddr>,

    /// Where the ledger is kept: memory:, redb:PATH or mongodb://…
    ///
    /// Arguments are visible to everyone on this machine: give a URI with a password in the
    /// environment or in the file.
    #[arg(
        long,
        value_name = "STORE",
        env = "HOST_SERVER_STORE",
        hide_env_values = true,
        global = true
    )]
    store: Option<StoreAddress>,

    /// A token plugged into this machine: unix:PATH, tty:PATH or tcp:HOST:PORT
    ///
    /// It adds the teller's routes, which take and answer amounts in clear.
    #[arg(long, value_name = "TOKEN", env = "HOST_SERVER_TOKEN")]
    token: Option<Address>,

    /// Lets pages of this origin in a browser use the server, such as https://console.example; may
    /// be given several times
    #[arg(
        long = "cors-origin",
        value_name = "ORIGIN",
        env = "HOST_SERVER_CORS_ORIGINS",
        value_delimiter = ',',
        value_parser = origin
    )]
    cors_origins: Vec<HeaderValue>,

    /// Requests a second each client may make, 0 for any number [default: 500 for clients on other
    /// machines, any number for those on this one]
    #[arg(long, value_name = "NUMBER", env = "HOST_SERVER_RATE_LIMIT")]
    rate_limit: Option<u32>,

    #[command(flatten)]
    exposure: exposure::Options,

    /// How to log on stderr [default: text]
    #[arg(long, value_name = "FORMAT", env = "HOST_SERVER_LOG_FORMAT")]
    log_format: Option<LogFormat>,

    /// Prints what is configured, as a file for --config, and ends; a password in the store's
    /// address is left out
    #[arg(long)]
    print_config: bool,

    /// A TOML file with the options not given here
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

/// How to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON document a line, for machines.
    Json,
}

/// What to do with the store other than to serve it.
#[derive(Subcommand)]
pub enum Command {
    /// Make, list and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Work on the whole ledger.
    #[command(flatten)]
    Ledger(Maintenance),
}

const EXAMPLES: &str = "\
Examples:
  host-server --store memory:                  try it; forgets everything at the end
  host-server --store redb:ledger.redb         one file, nothing to install
  host-server --store mongodb://127.0.0.1/tallystick
  host-server --store redb:ledger.redb --token tty:/dev/ttyACM0
  host-server key create --name auditor --read --store redb:ledger.redb
  host-server verify --store redb:ledger.redb
  host-server export --store redb:ledger.redb --to ledger.export
  host-server import --store mongodb://127.0.0.1/tallystick --from ledger.export

When it is ready it prints \"listening on http://ADDRESS\" (https with TLS). SIGTERM or Ctrl-C
ends it after the requests under way are answered.
Work on the whole ledger ends with 0 if all is well, 1 if something is wrong with a ledger, 2 if it
could not be done. RUST_LOG sets what it logs on stderr (default: info).";

/// The configuration, complete.
pub struct Config {
    /// What to do; nothing means to serve.
    pub command: Option<Command>,
    /// Address to serve on.
    pub listen: SocketAddr,
    /// TLS, which an address that is not loopback has.
    pub tls: Option<Files>,
    /// Where the ledger is kept.
    pub store: StoreAddress,
    /// The token, if there is one.
    pub token: Option<Address>,
    /// Options of the HTTP interface.
    pub http: http::Options,
    /// How to log.
    pub log_format: LogFormat,
    /// Whether to say what is configured rather than to do anything.
    pub print: bool,
}

/// Where the ledger is kept. May hold a password, hence no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// In memory.
    Memory,
    /// In this file.
    Redb(PathBuf),
    /// In the MongoDB at this URI.
    Mongo(String),
}

impl StoreAddress {
    /// The address; `***` where it has a password.
    fn without_password(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::Redb(path) => format!("redb:{}", path.display()),
            Self::Mongo(uri) => {
                let (scheme, rest) = uri.split_once("://").unwrap_or(("mongodb", ""));
                // A password ends at the last @ before the path; one in it has to be escaped, but
                // who knows.
                match rest.rsplit_once('@') {
                    None => uri.clone(),
                    Some((user, place)) => {
                        let user = user.split(':').next().unwrap_or_default();
                        format!("{scheme}://{user}:***@{place}")
                    }
                }
            }
        }
    }
}

/// A text is no [`StoreAddress`]. The text is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a store is memory:, redb:PATH or mongodb://HOST/DATABASE")]
pub struct StoreAddressError;

impl FromStr for StoreAddress {
    type Err = StoreAddressError;

    fn from_str(text: &str) -> Result<Self, StoreAddressError> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("redb", path)) if !path.is_empty() => Ok(Self::Redb(path.into())),
            Some(("mongodb" | "mongodb+srv", _)) => Ok(Self::Mongo(text.to_owned())),
            _ => Err(StoreAddressError),
        }
    }
}

/// The keys of the file.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    store: Option<String>,
    token: Option<String>,
    cors_origins: Option<Vec<String>>,
    rate_limit: Option<u32>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    public_names: Option<Vec<String>>,
    log_format: Option<LogFormat>,
}

impl Config {
    /// Reads arguments, environment and file. Ends the program for `--help`, `--version` and
    /// arguments that are wrong.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn read() -> Result<Self, String> {
        Self::complete(Args::parse())
    }

    fn complete(args: Args) -> Result<Self, String> {
        let file = args.config.as_ref().map_or(Ok(File::default()), |path| {
            let text = fs::read_to_string(path)
                .map_err(|error| format!("{} can't be read: {error}", path.display()))?;
            // The error's own text quotes the line, which may hold a password.
            toml::from_str(&text)
                .map_err(|error| format!("{}: {}", path.display(), error.message()))
        })?;
        let default = || Ok(SocketAddr::from(([127, 0, 0, 1], 8470)));
        let listen = or_parse(args.listen, file.listen)?.map_or_else(default, Ok::<_, String>)?;
        let exposure = args.exposure.or(exposure::Options {
            tls_cert: file.tls_cert,
            tls_key: file.tls_key,
            client_ca: file.client_ca,
            public_names: file.public_names.unwrap_or_default(),
        });
        let Exposure { tls, public_names } = exposure.complete(listen)?;
        let cors_origins = match file.cors_origins {
            Some(origins) if args.cors_origins.is_empty() => origins
                .iter()
                .map(|text| origin(text))
                .collect::<Result<_, _>>()?,
            _ => args.cors_origins,
        };
        let rate = match args.rate_limit.or(file.rate_limit) {
            None => Rate::Default,
            Some(0) => Rate::Unlimited,
            Some(rate) => Rate::PerSecond(rate),
        };
        Ok(Self {
            command: args.command,
            http: http::Options {
                cors_origins,
                rate,
                public_names,
            },
            listen,
            tls,
            store: or_parse(args.store, file.store)?
                .ok_or("say where to keep the ledger, for example --store redb:ledger.redb")?,
            token: or_parse(args.token, file.token)?,
            log_format: args.log_format.or(file.log_format).unwrap_or_default(),
            print: args.print_config,
        })
    }

    /// The configuration as a file for `--config`, without a password.
    ///
    /// # Errors
    /// If a value has no form in TOML, such as a path that is not Unicode.
    pub fn to_toml(&self) -> Result<String, String> {
        let tls = |of: fn(&Files) -> Option<&PathBuf>| self.tls.as_ref().and_then(of).cloned();
        let origins = self.http.cors_origins.iter();
        let origins = origins.map(|origin| String::from_utf8_lossy(origin.as_bytes()).into_owned());
        let file = File {
            listen: Some(self.listen.to_string()),
            store: Some(self.store.without_password()),
            token: self.token.as_ref().map(ToString::to_string),
            cors_origins: Some(origins.collect()),
            rate_limit: match self.http.rate {
                Rate::Default => None,
                Rate::Unlimited => Some(0),
                Rate::PerSecond(rate) => Some(rate),
            },
            tls_cert: tls(|tls| Some(&tls.certificate)),
            tls_key: tls(|tls| Some(&tls.key)),
            client_ca: tls(|tls| tls.client_ca.as_ref()),
            public_names: Some(self.http.public_names.clone()),
            log_format: Some(self.log_format),
        };
        toml::to_string(&file).map_err(|error| error.to_string())
    }
}

/// An origin as a browser names it: scheme, host and perhaps a port, nothing more.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let error = || format!("{text} is no origin: write it like https://console.example");
    let uri: Uri = text.parse().map_err(|_| error())?;
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(error());
    };
    if !text.ends_with(&format!("://{authority}")) || authority.as_str().contains('@') {
        return Err(error());
    }
    text.to_ascii_lowercase().parse().map_err(|_| error())
}

/// The argument, or what the file says.
fn or_parse<T>(argument: Option<T>, file: Option<String>) -> Result<Option<T>, String>
where
    T: FromStr<Err: std::fmt::Display>,
{
    match (argument, file) {
        (Some(argument), _) => Ok(Some(argument)),
        (None, Some(text)) => text
            .parse()
            .map(Some)
            .map_err(|error: T::Err| error.to_string()),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(arguments: &[&str]) -> Result<Config, String> {
        let args = Args::try_parse_from([&["host-server"], arguments].concat());
        Config::complete(args.map_err(|error| error.to_string())?)
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(text.as_bytes()).expect("written");
        file
    }

    #[test]
    fn only_loopback_addresses_are_listened_on() {
        for address in ["127.0.0.1:0", "127.0.0.2:80", "[::1]:0"] {
            assert!(
                read(&["--listen", address, "--store", "memory:"]).is_ok(),
                "{address}"
            );
        }
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
            let error = read(&["--listen", address, "--store", "memory:"]).err();
            assert!(
                error.is_some_and(|error| error.contains("other machines")),
                "{address}"
            );
        }
    }

    #[test]
    fn a_store_is_one_of_three_and_an_error_does_not_repeat_it() {
        let parse = |text: &str| text.parse::<StoreAddress>();
        assert!(parse("memory:") == Ok(StoreAddress::Memory));
        assert!(parse("redb:/a b/c") == Ok(StoreAddress::Redb("/a b/c".into())));
        assert!(parse("mongodb://u:p@h/d") == Ok(StoreAddress::Mongo("mongodb://u:p@h/d".into())));
        for text in ["", "memory", "memory:x", "redb:", "postgres://u:secret@h/d"] {
            let error = parse(text).err().expect("refused");
            assert!(!error.to_string().contains("secret"));
        }
    }

    #[test]
    fn arguments_go_before_the_file() {
        let file = file("store = \"redb:a\"\nlisten = \"127.0.0.1:1\"\n");
        let path = file.path().to_str().expect("a path in UTF-8");
        let config = read(&["--config", path, "--listen", "127.0.0.1:2"]).expect("complete");
        assert!(config.store == StoreAddress::Redb("a".into()));
        assert_eq!(config.listen.port(), 2);
        assert!(config.token.is_none());
    }

    #[test]
    fn an_origin_is_scheme_and_host_only() {
        for text in [
            "https://a.example",
            "http://localhost:8080",
            "HTTPS://A.example",
        ] {
            assert!(origin(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "*",
            "null",
            "a.example",
            "https://a.example/",
            "ftp://a.example",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
        assert!(origin("https://user@a.example").is_err());
        let file = file("store = \"memory:\"\ncors_origins = [\"https://a.example\"]\n");
        let path = file.path().to_str().expect("a path in UTF-8");
        let config = read(&["--config", path, "--rate-limit", "7"]).expect("complete");
        assert_eq!(config.http.cors_origins, ["https://a.example"]);
        assert_eq!(config.http.rate, Rate::PerSecond(7));
    }

    #[test]
    fn what_is_printed_can_be_read_again_and_has_no_password() {
        let arguments = [
            "--store",
            "mongodb://ledger:p@ss:word@db.example/tallystick",
            "--cors-origin",
            "https://console.example",
            "--rate-limit",
            "7",
            "--log-format",
            "json",
        ];
        let printed = read(&arguments).and_then(|config| config.to_toml());
        let printed = printed.expect("a file");
        assert!(
            !printed.contains("word") && !printed.contains("p@ss"),
            "{printed}"
        );
        let file = file(&printed);
        let path = file.path().to_str().expect("a path in UTF-8");
        let again = read(&["--config", path]).expect("complete");
        assert_eq!(again.to_toml().as_deref(), Ok(printed.as_str()));
        assert!(
            again.store == StoreAddress::Mongo("mongodb://ledger:***@db.example/tallystick".into())
        );
        assert_eq!(again.http.rate, Rate::PerSecond(7));
        assert_eq!(again.log_format, LogFormat::Json);
    }

    #[test]
    fn a_misspelt_key_in_the_file_is_an_error_that_quotes_no_values() {
        let file = file("stor = \"mongodb://user:secret@host\"\n");
        let path = file.path().to_str().expect("a path in UTF-8");
        let error = read(&["--config", path]).err().expect("refused");
        assert!(
            error.contains("stor") && !error.contains("secret"),
            "{error}"
        );
    }
}
