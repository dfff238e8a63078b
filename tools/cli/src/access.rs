//! What a server may ask for before it answers, and how it is told from an impostor: an API key, a
//! certificate, and the roots that its own certificate has to lead to.
//!
//! A key comes from a file or from the environment, never from an argument, where every user of the
//! machine could read it.

use std::{
    env, fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use ureq::{
    http::{HeaderValue, Uri},
    tls::{Certificate, ClientCert, PemItem, RootCerts, TlsConfig, parse_pem},
};
use zeroize::Zeroizing;

use crate::{
    failure::{Failure, Result},
    pin::first_line,
};

/// Flags that say where keys and certificates are.
#[derive(Debug, Default, Args)]
pub struct Flags {
    /// A file whose first line is the server's API key (else TALLY_API_KEY)
    #[arg(long, global = true, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// The roots that the server's certificate has to lead to, PEM [default: those of the web]
    #[arg(long, global = true, env = "TALLY_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// A certificate of this client and its key, PEM, for a server that asks for one
    #[arg(
        long,
        global = true,
        env = "TALLY_CLIENT_CERT_FILE",
        value_name = "FILE"
    )]
    pub client_cert_file: Option<PathBuf>,
}

/// Keys and certificates, read.
#[derive(Clone, Default)]
pub struct Access {
    /// `Bearer` and the key.
    authorization: Option<HeaderValue>,
    tls: TlsConfig,
}

impl Access {
    /// Reads them.
    pub fn read(flags: &Flags) -> Result<Self> {
        let key = match &flags.api_key_file {
            Some(path) => Some(first_line(path, "API key")?),
            None => env::var("TALLY_API_KEY").ok().map(Zeroizing::new),
        };
        let key = key.filter(|key| !key.is_empty());
        let mut tls = TlsConfig::builder();
        if let Some(path) = &flags.ca_file {
            let roots = certificates(path)?;
            tls = tls.root_certs(RootCerts::new_with_certs(&roots));
        }
        if let Some(path) = &flags.client_cert_file {
            tls = tls.client_cert(Some(client_certificate(path)?));
        }
        Ok(Self {
            authorization: key.map(|key| bearer(&key)).transpose()?,
            tls: tls.build(),
        })
    }

    /// What to send as `Authorization`.
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// How TLS is spoken.
    pub fn tls(&self) -> &TlsConfig {
        &self.tls
    }

    /// Refuses to send a key in clear to another machine.
    pub fn check(&self, server: &Uri) -> Result<()> {
        if self.authorization.is_none() || is_private(server) {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "the API key would go in clear to {server}, for all on the way to read: use https"
        )))
    }
}

/// Whether nobody on the way to a server can read what is sent: over TLS, or on this machine.
pub fn is_private(server: &Uri) -> bool {
    if server.scheme_str() == Some("https") {
        return true;
    }
    let host = server.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn bearer(key: &str) -> Result<HeaderValue> {
    let text = Zeroizing::new(format!("Bearer {key}"));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Failure::usage("the API key is none: it has characters that no key has"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let certificates: Vec<_> = items(path)?
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        let text = format!("{}: there is no certificate in it", path.display());
        return Err(Failure::usage(text));
    }
    Ok(certificates)
}

fn client_certificate(path: &Path) -> Result<ClientCert> {
    let key = items(path)?.into_iter().find_map(|item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    });
    let missing = || {
        let path = path.display();
        Failure::usage(format!(
            "{path}: there is no private key beside the certificate"
        ))
    };
    let key = key.ok_or_else(missing)?;
    Ok(ClientCert::new_with_certs(&certificates(path)?, key))
}

fn items(path: &Path) -> Result<Vec<PemItem<'static>>> {
    let pem = fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::file(path, error))?;
    parse_pem(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_in_clear_only_to_this_machine() {
        let with_key = Access {
            authorization: Some(bearer("tally_00").expect("a header")),
            ..Access::default()
        };
        for (url, is_safe) in [
            ("http://127.0.0.1:8470", true),
            ("http://[::1]:8470", true),
            ("http://localhost", true),
            ("https://ledger.example", true),
            ("http://ledger.example", false),
            ("http://localhost.example", false),
            ("http://127.0.0.1.example", false),
            ("http://192.0.2.1:8470", false),
        ] {
            let uri: Uri = url.parse().expect("a URL");
            assert_eq!(with_key.check(&uri).is_ok(), is_safe, "{url}");
            assert!(Access::default().check(&uri).is_ok(), "{url}");
        }
    }

    #[test]
    fn files_that_hold_no_certificate_or_no_key_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("empty.pem");
        fs::write(&path, "nothing").expect("a file");
        for flags in [
            Flags {
                ca_file: Some(path.clone()),
                ..Flags::default()
            },
            Flags {
                client_cert_file: Some(path.clone()),
                ..Flags::default()
            },
        ] {
            let failure = Access::read(&flags).err().expect("nothing is in it");
            assert!(failure.text.contains("empty.pem"), "{}", failure.text);
        }
    }
}
