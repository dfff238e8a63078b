//! Known answers: this crate against data that others published.
//!
//! The data are files in `tests/vectors`, each with its source, positive and negative; a negative
//! case is named by its fault. The functions that only this crate can call (HKDF, HMAC, AES-SIV,
//! PBKDF2, `expand_message_xmd`) meet their vectors in the unit tests of their modules.

mod kat {
    pub mod primes;
    mod rfc7919;
    mod rfc9496;
    mod rfc9497;
    mod slip39;
    mod swisspost;
    pub mod vectors;
}

use kat::vectors::{Case, folder};

#[test]
fn every_file_of_vectors_names_its_source() {
    let mut checked = 0;
    for file in std::fs::read_dir(folder()).expect("the folder is there") {
        let name = file.expect("it can be read").file_name();
        let name = name.to_str().expect("names are ASCII");
        if name.ends_with(".json") {
            Case::file(name);
            checked += 1;
        }
    }
    assert_eq!(checked, 11);
}
