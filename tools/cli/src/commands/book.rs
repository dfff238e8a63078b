//! `tally book …`: books on the server and the token.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use core_nostd::{
    amount::Amount,
    book::{BookKind, BookRules, CAP_MAX, MIN_ENTRIES_DEFAULT},
    ciphersuite::SuiteId,
    currency::Currency,
    ids::BookId,
    wire::TokenError,
};
use host_api::{self as api, Base64};
use serde::Serialize;
use token_client::OwnedRules;

use crate::{
    adopt::adopt,
    book::Book,
    failure::{Failure, Result},
    lightphe::key::{KeyFile, Takeover, to_lightphe},
    out::{self, Format, hint},
    release::announce,
    settings::{Settings, Token},
    teller::Teller,
};

mod grant;

/// Most major units in one entry unless `--cap` says otherwise.
const CAP_DEFAULT: u64 = 1_000_000;

/// Subcommands of `tally book`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a book on the token and the server; its rules are fixed for good
    Create(Create),
    /// List the books of the server
    List,
    /// Print a grant of a book for a writer that was enrolled before the book was made
    Grant {
        /// Name or id of the book, on the treasury
        book: String,
        /// Id of the writer
        #[arg(long, value_name = "ID")]
        writer: String,
    },
    /// Give a writer the book of a grant
    Take {
        /// What `tally book grant` has printed
        file: PathBuf,
    },
    /// Make the server's books on a restored token, and admit the writers of their chains
    Adopt {
        /// Admit every writer that the server knows, without asking for each
        #[arg(long)]
        admit: bool,
    },
    /// Print the public key of a book of the server
    PublicKey {
        /// Name or id of the book
        book: String,
        /// lightphe: as LightPHE reads it, numbers in JSON (books of ffdhe2048 and ffdhe3072)
        #[arg(long, value_enum, default_value = "tallystick")]
        format: KeyFormat,
    },
}

/// How a public key is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeyFormat {
    /// Its encoding, in base64url
    Tallystick,
    /// {"public_key": {"p": …, "g": …, "y": …}}
    Lightphe,
}

/// Arguments of `tally book create`.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// Its name, up to 48 bytes
    name: String,
    /// The one currency of its amounts: an ISO 4217 code
    #[arg(long, value_name = "CODE")]
    currency: String,
    /// Largest amount of one entry, deposit or withdrawal [default: 1000000 of the currency]
    #[arg(long, value_name = "AMOUNT")]
    cap: Option<String>,
    /// ristretto255, ffdhe2048 or ffdhe3072
    #[arg(long, default_value = "ristretto255")]
    suite: String,
    /// An open book: anybody with the public key encrypts, nothing verifies what is summed
    #[arg(long)]
    open: bool,
    /// The key of this one open book: a private key of LightPHE, made on the prime of the suite
    /// with g = 2. No backup of the token's seed brings it back, so the file is its only copy;
    /// `tally lightphe inspect` says whether a key will do
    #[arg(long, value_name = "KEYFILE", requires = "open")]
    import_lightphe: Option<PathBuf>,
    /// Least number of entries in any part of a total
    #[arg(long, value_name = "K", default_value_t = MIN_ENTRIES_DEFAULT)]
    min_entries: u32,
}

/// Runs one.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    match command {
        Command::Create(args) => create(settings, args),
        Command::List => list(settings),
        Command::Grant { book, writer } => grant::grant(settings, book, writer),
        Command::Take { file } => grant::take(settings, file),
        Command::Adopt { admit } => {
            let mut token = settings.unlocked_token()?;
            let adopted = adopt(&settings.server()?, &mut token, None, *admit)?;
            settings.format.print(&adopted.text(), &adopted)
        }
        Command::PublicKey { book, format } => {
            let book = Book::find(&settings.server()?, book)?;
            match format {
                KeyFormat::Tallystick => {
                    let key = book.public_key.as_slice().into();
                    PublicKey::new(book.id, &book.rules, key).print(settings.format)
                }
                KeyFormat::Lightphe => out::line(&public_key_for_lightphe(&book)?),
            }
        }
    }
}

impl Create {
    /// The rules, within their bounds.
    fn rules(&self) -> Result<BookRules<'_>> {
        let suite = SuiteId::from_name(&self.suite).ok_or_else(|| {
            let names = SuiteId::ALL.map(SuiteId::name).join(", ");
            Failure::usage(format!(
                "there is no suite `{}`; there are {names}",
                self.suite
            ))
        })?;
        let kind = if self.open {
            BookKind::Open
        } else {
            BookKind::Authenticated
        };
        let currency = Currency::from_code(&self.currency).map_err(Failure::usage)?;
        let rules = BookRules {
            suite,
            kind,
            currency,
            cap: self.cap(currency)?,
            min_entries: self.min_entries,
            name: &self.name,
        };
        rules.check().map_err(Failure::usage)?;
        Ok(rules)
    }

    fn cap(&self, currency: Currency) -> Result<u64> {
        let Some(text) = &self.cap else {
            return Ok((CAP_DEFAULT * 10_u64.pow(u32::from(currency.scale()))).min(CAP_MAX));
        };
        let amount = Amount::parse(text, currency)
            .map_err(|error| Failure::usage(format!("--cap: {error}")))?;
        u64::try_from(amount.minor()).map_err(|_| Failure::usage("--cap: a cap is not negative"))
    }
}

/// The token first, as only it can make the key; then the server. Run again, it goes on.
fn create(settings: &Settings, args: &Create) -> Result<()> {
    let rules = args.rules()?;
    let key = args.import_lightphe.as_deref();
    let key = key.map(|path| key_to_import(path, &rules)).transpose()?;
    let server = settings.server()?;
    let same_name =
        |book: &api::Book| book.name == args.name && book.book != rules.id().to_string();
    if let Some(other) = server.books()?.into_iter().find(same_name) {
        return Err(Failure::failed(format!(
            "the server has a book \"{}\" with other rules already ({}): choose another name",
            args.name, other.book
        )));
    }
    if key.is_some() && Teller::find(settings, &server)?.is_some() {
        return Err(Failure::usage(
            "a private key is given to a token at this machine only, not to one behind a server: \
             run this where the token is, and name it with --token",
        ));
    }
    if let Some(teller) = Teller::unlocked(settings, &server)? {
        let book = teller.create_book(&OwnedRules::from(&rules))?.to_api();
        let text = format!("{}\n{}", book.book, describe(&book));
        return settings.format.print(&text, &book);
    }
    let mut token = settings.unlocked_token()?;
    create_on_token(&mut token, &rules, key.as_ref())?;
    if args.open && token.info().policy.is_some_and(|policy| !policy.open_sums) {
        hint(
            "warning: this token may not open sums of open books: `tally token policy --allow \
             totals,open-sums` in ceremony mode changes that",
        );
    }
    let book = Book {
        id: rules.id(),
        rules: OwnedRules::from(&rules),
        public_key: token.public_key(rules.id())?,
    };
    server.put_book(&book.to_api())?;
    if key.is_some() {
        hint(
            "the key of this book comes from the file alone: it is kept apart from everything that \
             the token's seed gives, and no backup of the token brings it back. The file is its \
             only copy: keep it under lock and key, or a lost token loses this book's totals",
        );
    }
    let text = format!("{}\n{}", book.id, describe(&book.to_api()));
    settings.format.print(&text, &book.to_api())
}

/// Reads a private key of LightPHE that is to be the key of a book with these rules.
fn key_to_import(path: &Path, rules: &BookRules<'_>) -> Result<Takeover> {
    let refused = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let key = KeyFile::read(path)?.takeover().map_err(|reasons| {
        refused(format!(
            "a token can't take this key over, as {}. `tally lightphe migrate` posts again what \
             is encrypted under it",
            reasons.join("; ")
        ))
    })?;
    if key.suite != rules.suite {
        return Err(refused(format!(
            "this is a key of {0}: give --suite {0}",
            key.suite
        )));
    }
    if key.was_reduced {
        hint(
            "x is above the order of g and is reduced by it, which changes no power of g: it is \
             the same key",
        );
    }
    Ok(key)
}

/// Makes the book, unless it is there; with a key from elsewhere, its public key must be the
/// file's.
fn create_on_token(token: &mut Token, rules: &BookRules<'_>, key: Option<&Takeover>) -> Result<()> {
    if !token.books()?.iter().any(|book| book.id == rules.id()) {
        make_on_token(token, rules, key)?;
    }
    match key {
        Some(key) if token.public_key(rules.id())? != key.y => Err(Failure::failed(
            "the token has a book with exactly these rules and another key than the file's: \
             choose another name",
        )),
        _ => Ok(()),
    }
}

fn make_on_token(token: &mut Token, rules: &BookRules<'_>, key: Option<&Takeover>) -> Result<()> {
    let made = match key {
        Some(key) => {
            announce(
                token,
                &format!("take in a PRIVATE KEY for \"{}\"", rules.name),
            );
            token.import_book(rules, &key.x)
        }
        None => token.create_book(rules),
    };
    match made {
        Ok(_) => Ok(()),
        Err(error) if key.is_some() && error.token() == Some(TokenError::Malformed) => {
            Err(Failure::from(error).and("Its firmware is too old to take keys in"))
        }
        Err(error) if error.token() == Some(TokenError::BookExists) => Err(Failure::failed(
            "the token had a book with exactly these rules once, and never uses one again: choose \
             another name",
        )),
        Err(error) => Err(error.into()),
    }
}

fn public_key_for_lightphe(book: &Book) -> Result<String> {
    to_lightphe(book.rules.suite, &book.public_key).ok_or_else(|| {
        Failure::usage(format!(
            "\"{}\" is a book of {}, a group that LightPHE's numbers are not of: ffdhe2048 and \
             ffdhe3072 are",
            book.rules.name, book.rules.suite
        ))
    })
}

fn list(settings: &Settings) -> Result<()> {
    let books = settings.server()?.books()?;
    let lines: Vec<_> = books.iter().map(describe).collect();
    let text = if lines.is_empty() {
        "there are no books".to_owned()
    } else {
        lines.join("\n")
    };
    settings.format.print(&text, &api::Books { books })
}

/// A book in one line.
fn describe(book: &api::Book) -> String {
    let cap = Currency::from_code(&book.currency)
        .ok()
        .zip(i64::try_from(book.cap).ok());
    let cap = cap.map_or(book.cap.to_string(), |(currency, cap)| {
        Amount::from_minor(cap, currency).to_string()
    });
    format!(
        "{}  {} {} {}, at most {cap} an entry, at least {} entries between cuts",
        book.name, book.kind, book.suite, book.currency, book.min_entries
    )
}

/// What `tally book public-key` and `tally token public-key` print; for people, the key alone.
#[derive(Serialize)]
pub struct PublicKey {
    book: String,
    name: String,
    suite: &'static str,
    public_key: Base64,
}

impl PublicKey {
    /// The public key of a book.
    pub fn new(book: BookId, rules: &OwnedRules, public_key: Base64) -> Self {
        Self {
            book: book.to_string(),
            name: rules.name.clone(),
            suite: rules.suite.name(),
            public_key,
        }
    }

    /// Prints it.
    pub fn print(&self, format: Format) -> Result<()> {
        let text = serde_json::to_value(&self.public_key).map_err(Failure::failed)?;
        format.print(text.as_str().unwrap_or_default(), self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    fn args(currency: &str, cap: Option<&str>) -> Create {
        Create {
            name: "till".into(),
            currency: currency.into(),
            cap: cap.map(Into::into),
            suite: "ristretto255".into(),
            open: false,
            import_lightphe: None,
            min_entries: 16,
        }
    }

    #[test]
    fn the_cap_is_an_amount_of_the_currency() {
        let cap = |currency, cap| args(currency, cap).rules().map(|rules| rules.cap);
        assert_eq!(cap("EUR", None).expect("rules"), 100_000_000);
        assert_eq!(cap("JPY", None).expect("rules"), 1_000_000);
        assert_eq!(cap("EUR", Some("12.34")).expect("rules"), 1234);
    }

    #[test]
    fn bad_rules_are_wrong_use_with_the_reason() {
        let text = |args: &Create| {
            let failure = args.rules().expect_err("bad rules");
            assert_eq!(failure.exit, Exit::Usage);
            failure.text
        };
        assert_eq!(
            text(&args("EUR", Some("12.345"))),
            "--cap: EUR has 2 decimals, \"12.345\" has 3"
        );
        assert_eq!(
            text(&args("EUR", Some("-1"))),
            "--cap: a cap is not negative"
        );
        assert!(text(&args("EUR", Some("0"))).starts_with("the cap of an entry is 1 to"));
        assert_eq!(
            text(&args("euro", None)),
            "a currency is three capital letters, such as EUR"
        );
        let suite = Create {
            suite: "rsa".into(),
            ..args("EUR", None)
        };
        assert_eq!(
            text(&suite),
            "there is no suite `rsa`; there are ristretto255, ffdhe2048, ffdhe3072"
        );
        let name = Create {
            name: "n".repeat(49),
            ..args("EUR", None)
        };
        assert!(text(&name).starts_with("a book's name has 1 to 48 bytes"));
    }
}
