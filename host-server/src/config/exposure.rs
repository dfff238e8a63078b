//! What a server needs before other machines may reach it: TLS, a name, and API keys.

use std::{net::SocketAddr, path::PathBuf};

use crate::{store::Store, tls::Files};

/// Options of exposure.
#[derive(clap::Args)]
pub struct Options {
    /// The server's certificate and those that lead to its root, PEM; read again when it changes
    #[arg(long, value_name = "FILE", env = "HOST_SERVER_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", env = "HOST_SERVER_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// The roots of clients' certificates, PEM; with them every client needs a certificate
    #[arg(long, value_name = "FILE", env = "HOST_SERVER_CLIENT_CA")]
    pub client_ca: Option<PathBuf>,

    /// A name under which clients reach this server; may be given several times
    #[arg(
        long = "public-name",
        value_name = "NAME",
        env = "HOST_SERVER_PUBLIC_NAMES",
        value_delimiter = ','
    )]
    pub public_names: Vec<String>,
}

/// How far a server may be reached.
pub struct Exposure {
    /// TLS, if it is spoken.
    pub tls: Option<Files>,
    /// Names beside those of loopback.
    pub public_names: Vec<String>,
}

impl Options {
    /// Takes what is not given here from `file`.
    pub fn or(self, file: Self) -> Self {
        let names = [self.public_names, file.public_names];
        let public_names = names.into_iter().find(|names| !names.is_empty());
        Self {
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            client_ca: self.client_ca.or(file.client_ca),
            public_names: public_names.unwrap_or_default(),
        }
    }

    /// The options, which fit each other and the address.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn complete(self, listen: SocketAddr) -> Result<Exposure, String> {
        let tls = match (self.tls_cert, self.tls_key, self.client_ca) {
            (Some(certificate), Some(key), client_ca) => Some(Files {
                certificate,
                key,
                client_ca,
            }),
            (None, None, None) => None,
            (None, None, Some(_)) => {
                let sentence = "--client-ca needs TLS: give --tls-cert and --tls-key too";
                return Err(sentence.to_owned());
            }
            _ => return Err("give --tls-cert and --tls-key together".to_owned()),
        };
        let public_names = self.public_names;
        if !listen.ip().is_loopback() && (tls.is_none() || public_names.is_empty()) {
            return Err(format!(
                "{listen} can be reached from other machines, so it needs TLS and a name: give \
                 --tls-cert FILE, --tls-key FILE and --public-name NAME (and it will need an API \
                 key); or listen on 127.0.0.1, for this machine alone"
            ));
        }
        Ok(Exposure { tls, public_names })
    }
}

/// Checks that a server which other machines reach has a key that counts.
///
/// # Errors
/// A sentence that says what to do.
pub async fn check_keys<S: Store>(store: &S, listen: SocketAddr) -> Result<(), String> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let keys = store.keys().await.map_err(|error| error.to_string())?;
    if keys.iter().any(|key| key.revoked_ms.is_none()) {
        return Ok(());
    }
    Err(format!(
        "{listen} can be reached from other machines, and the ledger has no API key: make one \
         first, with `host-server key create --name NAME --admin --store STORE`"
    ))
}
