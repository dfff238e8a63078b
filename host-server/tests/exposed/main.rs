//! The program on an address that others may reach: TLS, certificates, keys, and the refusal to
//! start without them.

mod keys;
mod listening;
mod pki;
mod program;
mod tls;
