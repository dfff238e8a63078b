//! `host-server key …`: API keys made, listed and revoked on the store itself.
//!
//! With MongoDB that works while servers run. A redb file belongs to the server that has it open;
//! there, `tally key …` does the same through that server.

use clap::{Args, Subcommand};

use super::{ApiKey, KeyId, Scopes};
use crate::{now_ms, store::Store};

/// What to do with API keys.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make a key, and print it: the only time it is shown
    Create(Create),
    /// List all keys, also revoked ones
    List,
    /// Revoke a key for good, from the next request on
    Revoke {
        /// The key's id, as `list` shows it
        id: String,
    },
}

/// A key to be made.
#[derive(Args)]
pub struct Create {
    /// What to call it, for people
    #[arg(long)]
    name: String,
    /// It may read everything that is stored
    #[arg(long)]
    read: bool,
    /// It may post as this writer (32 hex digits), or to open books (the word open); repeatable
    #[arg(long, value_name = "WRITER|open")]
    post: Vec<String>,
    /// It may use the attached token: postings and releases in clear
    #[arg(long)]
    teller: bool,
    /// It may make and revoke keys, and create books
    #[arg(long)]
    admin: bool,
}

impl KeyCommand {
    /// Does it. What is printed goes to stdout, the explanation to stderr.
    ///
    /// # Errors
    /// A sentence.
    pub async fn run<S: Store>(self, store: &S) -> Result<(), String> {
        match self {
            Self::Create(create) => create.run(store).await,
            Self::List => list(store).await,
            Self::Revoke { id } => revoke(store, &id).await,
        }
    }
}

impl Create {
    async fn run<S: Store>(self, store: &S) -> Result<(), String> {
        let (secret, key) = ApiKey::new(&self.name, self.scopes()?, now_ms())?;
        store
            .put_key(&key)
            .await
            .map_err(|error| error.to_string())?;
        println!("{}", *secret.expose_text());
        eprintln!(
            "This is key {} ({}), shown only now. Keep it in a file that only its user can read, \
             and name that to tally with --api-key-file.",
            key.id(),
            key.scopes.words().join(",")
        );
        Ok(())
    }

    fn scopes(&self) -> Result<Scopes, String> {
        let flags = [
            (self.read, "read"),
            (self.teller, "teller"),
            (self.admin, "admin"),
        ];
        let mut words: Vec<String> = self.post.iter().map(|who| format!("post:{who}")).collect();
        words.extend(
            flags
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, word)| (*word).to_owned()),
        );
        Scopes::parse(&words)
    }
}

async fn list<S: Store>(store: &S) -> Result<(), String> {
    for key in store.keys().await.map_err(|error| error.to_string())? {
        println!("{}", line(&key));
    }
    Ok(())
}

async fn revoke<S: Store>(store: &S, id: &str) -> Result<(), String> {
    let unknown = || format!("there is no key {id}: `host-server key list` shows all");
    let id = KeyId::from_hex(id).ok_or_else(unknown)?;
    let revoked = store.revoke_key(&id, now_ms()).await;
    let key = revoked.map_err(|error| error.to_string())?;
    println!("{}", line(&key.ok_or_else(unknown)?));
    Ok(())
}

fn line(key: &ApiKey) -> String {
    let state = if key.revoked_ms.is_some() {
        "revoked"
    } else {
        "valid"
    };
    let scopes = key.scopes.words().join(",");
    format!("{}  {state:7}  {scopes}  {}", key.id(), key.name)
}
