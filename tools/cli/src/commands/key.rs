//! `tally key`: API keys of a running server, for whoever has a key with the scope admin.

use clap::{Args, Subcommand};
use host_api::keys::{CreatedKey, KeyInfo, Keys, NewKey};
use ureq::http::Method;

use crate::{failure::Result, out::hint, settings::Settings};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Command {
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
#[derive(Debug, Args)]
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
    /// It may use the token attached to the server
    #[arg(long)]
    teller: bool,
    /// It may make and revoke keys, and create books
    #[arg(long)]
    admin: bool,
}

/// Does it.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    let server = settings.server()?;
    match command {
        Command::Create(create) => {
            let created: CreatedKey = server.send(Method::POST, "/v1/keys", &create.body())?;
            hint(&format!(
                "This is key {} ({}), shown only now. Keep it in a file that only its user can \
                 read, and name that with --api-key-file.",
                created.key.id,
                created.key.scopes.join(",")
            ));
            settings.format.print(&created.secret, &created)
        }
        Command::List => {
            let list: Keys = server.get("/v1/keys")?;
            let lines: Vec<String> = list.keys.iter().map(line).collect();
            settings.format.print(&lines.join("\n"), &list)
        }
        Command::Revoke { id } => {
            let path = format!("/v1/keys/{id}");
            let revoked: KeyInfo = server.send(Method::DELETE, &path, &())?;
            settings.format.print(&line(&revoked), &revoked)
        }
    }
}

impl Create {
    fn body(&self) -> NewKey {
        let flags = [
            (self.read, "read"),
            (self.teller, "teller"),
            (self.admin, "admin"),
        ];
        let flags = flags.iter().filter(|(on, _)| *on);
        let posts = self.post.iter().map(|writer| format!("post:{writer}"));
        NewKey {
            name: self.name.clone(),
            scopes: flags
                .map(|(_, word)| (*word).to_owned())
                .chain(posts)
                .collect(),
        }
    }
}

fn line(key: &KeyInfo) -> String {
    let state = match key.revoked_ms {
        Some(_) => "revoked",
        None => "valid",
    };
    let scopes = key.scopes.join(",");
    format!("{}  {state:7}  {scopes}  {}", key.id, key.name)
}
