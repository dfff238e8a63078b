//! TLS 1.3 for the listener: a certificate and its key from files, read again when they change, and
//! certificates of clients if wanted.
//!
//! The cryptography is ring's, which the MongoDB driver brings along.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::TLS13,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use zeroize::Zeroizing;

/// Where certificates and keys are. All files are PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The server's certificate, then those that lead to its root.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The roots of clients' certificates. If there are any, every client needs a certificate.
    pub client_ca: Option<PathBuf>,
}

/// What a listener presents, as it stood in the files when they were last read.
pub struct Tls {
    files: Files,
    current: RwLock<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    /// SHA-256 over the files.
    fingerprint: [u8; 32],
}

/// The files' bytes. The key's are wiped.
struct Contents {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence that names the file: it can't be read, holds no certificate or key, or they do
    /// not belong together.
    pub fn load(files: Files) -> Result<Self, String> {
        let contents = Contents::read(&files)?;
        let current = Current {
            config: Arc::new(contents.config(&files)?),
            fingerprint: contents.fingerprint(),
        };
        Ok(Self {
            files,
            current: RwLock::new(current),
        })
    }

    /// Reads the files again, for connections from now on; says whether anything was new.
    ///
    /// # Errors
    /// Those of [`Self::load`]. What was presented until now still is.
    pub fn reload(&self) -> Result<bool, String> {
        let contents = Contents::read(&self.files)?;
        let fingerprint = contents.fingerprint();
        if self.read(|current| current.fingerprint == fingerprint) {
            return Ok(false);
        }
        let current = Current {
            config: Arc::new(contents.config(&self.files)?),
            fingerprint,
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(true)
    }

    /// The server's side of a handshake.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = self.read(|current| Arc::clone(&current.config));
        TlsAcceptor::from(config).accept(stream).await
    }

    fn read<T>(&self, what: impl FnOnce(&Current) -> T) -> T {
        what(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Contents {
    fn read(files: &Files) -> Result<Self, String> {
        let client_ca = files.client_ca.as_deref().map(read).transpose()?;
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: Zeroizing::new(read(&files.key)?),
            client_ca,
        })
    }

    fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for file in [
            &self.certificate,
            &*self.key,
            self.client_ca.as_ref().unwrap_or(&Vec::new()),
        ] {
            hash.update((file.len() as u64).to_be_bytes());
            hash.update(file);
        }
        hash.finalize().into()
    }

    fn config(&self, files: &Files) -> Result<ServerConfig, String> {
        let chain = certificates(&files.certificate, &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| say(&files.key, "has no private key", error))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .expect("ring has suites of TLS 1.3");
        let builder = match (&files.client_ca, &self.client_ca) {
            (Some(path), Some(pem)) => {
                let roots = certificates(path, pem)?;
                builder.with_client_cert_verifier(client_verifier(path, roots, provider)?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            let what = format!("does not go with {}", files.key.display());
            say(&files.certificate, &what, error)
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn client_verifier(
    path: &Path,
    certificates: Vec<CertificateDer<'static>>,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|error| say(path, "has a certificate that is no root", error))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| say(path, "has no usable root", error))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(format!("{} has no certificate in PEM", path.display()))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(say(path, "is not PEM", error)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| say(path, "can't be read", error))
}

fn say(path: &Path, what: &str, error: impl std::fmt::Display) -> String {
    format!("{} {what}: {error}", path.display())
}
