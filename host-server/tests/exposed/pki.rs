//! Certificates for a test, and a client that shows how far it came with them.

use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The name that certificates of servers are for.
pub const NAME: &str = "ledger.example";

/// Somebody who makes certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("randomness");
        // Authorities are told apart by name.
        params.distinguished_name = DistinguishedName::new();
        let name = format!("authority {:?}", &key.public_key_raw()[1..9]);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, key).expect("it signs itself"))
    }

    /// A certificate for [`NAME`] that ends in the year `until`.
    pub fn issue(&self, until: i32) -> Identity {
        let mut params = CertificateParams::new([NAME.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("randomness");
        let certificate = params.signed_by(&key, &self.0).expect("it signs");
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// The authority's own certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }
}

impl Identity {
    /// Writes certificate and key into a folder; gives their paths.
    pub fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
        fs::write(&certificate, &self.certificate).expect("written");
        fs::write(&key, &self.key).expect("written");
        (certificate, key)
    }
}

/// What a client trusts, presents and speaks.
pub struct Client<'a> {
    pub trusts: &'a Authority,
    pub presents: Option<&'a Identity>,
    pub speaks: &'static SupportedProtocolVersion,
}

impl<'a> Client<'a> {
    /// TLS 1.3, without a certificate.
    pub fn of(trusts: &'a Authority) -> Self {
        Self {
            trusts,
            presents: None,
            speaks: &rustls::version::TLS13,
        }
    }

    /// Asks for a path with a key, if there is one; gives the answer with its head.
    pub fn get(&self, address: &str, path: &str, key: Option<&str>) -> io::Result<String> {
        let key = key.map(|key| format!("Authorization: Bearer {key}\r\n"));
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n{}\r\n",
            key.unwrap_or_default()
        );
        let mut stream = self.connect(address)?;
        stream.write_all(head.as_bytes())?;
        let mut answer = String::new();
        match stream.read_to_string(&mut answer) {
            Err(error) if answer.is_empty() => Err(error),
            _ => Ok(answer),
        }
    }

    fn connect(&self, address: &str) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = NAME.try_into().expect("a name");
        let connection = ClientConnection::new(Arc::new(self.config()), name);
        let connection = connection.map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, TcpStream::connect(address)?))
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(der(&self.trusts.pem())).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[self.speaks])
            .expect("ring has suites for it")
            .with_root_certificates(roots);
        match self.presents {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                builder
                    .with_client_auth_cert(vec![der(certificate)], key)
                    .expect("they belong together")
            }
        }
    }
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}
