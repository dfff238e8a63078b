//! The token that is attached to the server: used when no other is named. The server then sees what
//! it is told, NIDs and amounts included.

use host_api::{
    self as api,
    teller::{
        AcknowledgeAudit, AskBalance, AskTotal, AuditLog, Info, NewBook, Post, Posted, Released,
    },
};
use token_client::{AuditPage, AuditPosition, OwnedRules};
use ureq::http::Method;

use crate::{
    book::Book,
    decode::Decoding,
    failure::{Exit, Failure, Result},
    out::hint,
    server::{Answer, Server},
    settings::Settings,
    statement,
};

/// The token behind a server.
pub struct Teller {
    server: Server,
    info: Info,
}

impl Teller {
    /// The token attached to this server, unlocked; `None` if another token was named, or if there
    /// is none.
    pub fn unlocked(settings: &Settings, server: &Server) -> Result<Option<Self>> {
        let Some(mut teller) = Self::find(settings, server)? else {
            return Ok(None);
        };
        if teller.info.state == "locked" {
            teller.unlock(settings)?;
        }
        Ok(Some(teller))
    }

    /// The same, in whatever state it is.
    pub fn find(settings: &Settings, server: &Server) -> Result<Option<Self>> {
        if settings.token_address().is_some() {
            return Ok(None);
        }
        match server.get("/v1/teller/info") {
            Ok(info) => Ok(Some(Self {
                server: server.patient()?,
                info,
            })),
            Err(error) if error.is_problem("not-found") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What it says of itself.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// Unlocks it. The PIN goes over loopback or TLS only.
    pub fn unlock(&mut self, settings: &Settings) -> Result<()> {
        if !self.server.is_private() {
            return Err(Failure::usage(format!(
                "a PIN is not sent in clear to {}: use https, or unlock the token on its own \
                 machine",
                self.server.url()
            )));
        }
        let pin = settings
            .pin
            .read("PIN of the server's token")?
            .ok_or_else(|| {
                Failure::new(
                    Exit::TokenRefused,
                    "the server's token is locked: give --pin-file or TALLY_PIN",
                )
            })?;
        self.info = self.send("/v1/teller/unlock", &UnlockWith { pin: &pin })?;
        Ok(())
    }

    /// Locks it.
    pub fn lock(&mut self) -> Result<()> {
        self.info = self.send("/v1/teller/lock", &())?;
        Ok(())
    }

    /// A page of its audit log.
    pub fn audit_log(&self, from: u64) -> Result<AuditPage> {
        let path = format!("/v1/teller/audit?from={from}");
        let AuditLog {
            first,
            before,
            events,
        } = self.server.get(&path)?;
        let mut hash = [0; 32];
        let page = hex::decode_to_slice(&before, &mut hash)
            .ok()
            .and_then(|()| {
                let position = AuditPosition {
                    events: first,
                    hash,
                };
                AuditPage::read(position, &hex::decode(&events).ok()?)
            });
        page.ok_or_else(|| Failure::failed("the server's answer is no audit log"))
    }

    /// Lets it forget the events before a position.
    pub fn acknowledge_audit(&mut self, position: &AuditPosition) -> Result<()> {
        let body = AcknowledgeAudit {
            through: position.events,
            hash: hex::encode(position.hash),
        };
        self.info = self.send("/v1/teller/audit", &body)?;
        Ok(())
    }

    /// Makes a book on it and on the server.
    pub fn create_book(&self, rules: &OwnedRules) -> Result<Book> {
        let body = NewBook {
            suite: rules.suite.name().to_owned(),
            kind: rules.kind.name().to_owned(),
            currency: rules.currency.code().to_owned(),
            cap: rules.cap,
            min_entries: rules.min_entries,
            name: rules.name.clone(),
        };
        let book: api::Book = self.send("/v1/teller/books", &body)?;
        Book::from_api(&book)
            .filter(|book| book.rules == *rules)
            .ok_or_else(|| Failure::failed("the server made another book than it was asked for"))
    }

    /// Posts an amount, once: a connection that breaks is tried once more under the same key.
    pub fn post(&self, book: &Book, nid: &str, minor: i64) -> Result<Posted> {
        let mut key = [0; 16];
        getrandom::fill(&mut key)
            .map_err(|error| Failure::failed(format!("randomness: {error}")))?;
        let body = Post {
            nid: nid.to_owned(),
            amount: book.amount(minor).to_string(),
        };
        let path = format!("/v1/teller/books/{}/entries", book.id);
        let posted: Answer<Posted> =
            self.server
                .send_under_key(Method::POST, &path, &body, Some(&hex::encode(key)));
        posted.map_err(|error| match error.problem_name() {
            Some(_) => error.into(),
            None => Failure::from(error)
                .and("It may have been posted all the same: look before you post it again"),
        })
    }

    /// Opens one balance.
    pub fn balance(&self, book: &Book, nid: &str, decoding: &Decoding) -> Result<Released> {
        if !decoding.last {
            hint("press the button on the server's token to open ONE BALANCE");
        }
        let body = AskBalance {
            nid: nid.to_owned(),
            last: decoding.last,
            window: window(decoding)?,
        };
        let path = format!("/v1/teller/books/{}/balance", book.id);
        checked(book, self.send(&path, &body)?)
    }

    /// Opens a total.
    pub fn total(
        &self,
        book: &Book,
        from: Option<&str>,
        to: Option<&str>,
        decoding: &Decoding,
    ) -> Result<api::Statement> {
        let number = |text: Option<&str>| {
            text.map(str::parse).transpose().map_err(|_| {
                Failure::usage(
                    "through the server's token, --from and --to are numbers: `tally cut list`",
                )
            })
        };
        let body = AskTotal {
            from: number(from)?,
            to: number(to)?,
            last: decoding.last,
            window: window(decoding)?,
        };
        if !decoding.last {
            hint("press the button on the server's token to open the total");
        }
        let path = format!("/v1/teller/books/{}/total", book.id);
        checked(book, self.send(&path, &body)?).map(|released| released.statement)
    }

    fn send<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T> {
        Ok(self.server.send(Method::POST, path, body)?)
    }
}

/// [`api::teller::Unlock`] without a copy of the PIN.
#[derive(serde::Serialize)]
struct UnlockWith<'a> {
    pin: &'a str,
}

/// A statement is verified here, whoever sends it.
fn checked(book: &Book, released: Released) -> Result<Released> {
    let not_verified = |reason: String| {
        Failure::new(
            Exit::NotVerified,
            format_args!("the server's statement: {reason}"),
        )
    };
    let (of, _) =
        statement::verify(&released.statement).map_err(|error| not_verified(error.to_string()))?;
    if of != *book {
        return Err(not_verified("it is about another book".to_owned()));
    }
    Ok(released)
}

/// The window to ask the server for.
fn window(decoding: &Decoding) -> Result<Option<u8>> {
    match decoding.table_bits {
        None => Ok(decoding.window.map(|window| window.get())),
        Some(_) => Err(Failure::usage(
            "--table-bits: the server decodes what its token opens, with a table of its own",
        )),
    }
}

#[cfg(test)]
mod tests {
    use core_nostd::book::BookKind;

    use super::*;
    use crate::statement::tests::sample;

    #[test]
    fn the_servers_word_is_not_taken_for_a_statement() {
        let statement = sample(BookKind::Authenticated, 5);
        let book = Book::from_api(&statement.book).expect("a book");
        let released = |statement| Released {
            statement,
            bound: None,
        };
        checked(&book, released(statement.clone())).expect("sound");

        let changed = api::Statement {
            count: 31,
            ..statement
        };
        let failure = checked(&book, released(changed)).expect_err("changed");
        assert_eq!(failure.exit, Exit::NotVerified);
        let other = sample(BookKind::Authenticated, 5);
        let failure = checked(&book, released(other)).expect_err("another key");
        assert!(failure.text.contains("another book"), "{}", failure.text);
    }
}
