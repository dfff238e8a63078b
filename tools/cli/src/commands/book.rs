//! `tally book …`: books on the server and the token.

use clap::Subcommand;
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
    book::Book,
    failure::{Failure, Result},
    out::{Format, hint},
    settings::{Settings, Token},
    teller::Teller,
};

/// Most major units in one entry unless `--cap` says otherwise.
const CAP_DEFAULT: u64 = 1_000_000;

/// Subcommands of `tally book`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a book on the token and the server; its rules are fixed for good
    Create(Create),
    /// List the books of the server
    List,
    /// Print the public key of a book of the server
    PublicKey {
        /// Name or id of the book
        book: String,
    },
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
    /// Least number of entries in any part of a total
    #[arg(long, value_name = "K", default_value_t = MIN_ENTRIES_DEFAULT)]
    min_entries: u32,
}

/// Runs one.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    match command {
        Command::Create(args) => create(settings, args),
        Command::List => list(settings),
        Command::PublicKey { book } => {
            let book = Book::find(&settings.server()?, book)?;
            let key = book.public_key.as_slice().into();
            PublicKey::new(book.id, &book.rules, key).print(settings.format)
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
    let server = settings.server()?;
    let same_name =
        |book: &api::Book| book.name == args.name && book.book != rules.id().to_string();
    if let Some(other) = server.books()?.into_iter().find(same_name) {
        return Err(Failure::failed(format!(
            "the server has a book \"{}\" with other rules already ({}): choose another name",
            args.name, other.book
        )));
    }
    if let Some(teller) = Teller::unlocked(settings, &server)? {
        let book = teller.create_book(&OwnedRules::from(&rules))?.to_api();
        let text = format!("{}\n{}", book.book, describe(&book));
        return settings.format.print(&text, &book);
    }
    let mut token = settings.unlocked_token()?;
    create_on_token(&mut token, &rules)?;
    if args.open && token.info().policy.is_some_and(|policy| !policy.open_sums) {
        hint(
            "warning: this token may not open sums of open books; that is decided at provisioning \
             (`tally token provision --allow totals,balances,open-sums`)",
        );
    }
    let book = Book {
        id: rules.id(),
        rules: OwnedRules::from(&rules),
        public_key: token.public_key(rules.id())?,
    };
    server.put_book(&book.to_api())?;
    let text = format!("{}\n{}", book.id, describe(&book.to_api()));
    settings.format.print(&text, &book.to_api())
}

fn create_on_token(token: &mut Token, rules: &BookRules<'_>) -> Result<()> {
    if token.books()?.iter().any(|book| book.id == rules.id()) {
        return Ok(());
    }
    match token.create_book(rules) {
        Ok(_) => Ok(()),
        Err(error) if error.token() == Some(TokenError::BookExists) => Err(Failure::failed(
            "the token had a book with exactly these rules once, and never uses one again: choose \
             another name",
        )),
        Err(error) => Err(error.into()),
    }
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
