//! Table files: the smallest of each suite, and damaged ones.

use core_nostd::ciphersuite::{Ciphersuite, Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512};
use host_kernels::discrete_log::{DiscreteLogTable, TableBits};

use super::{Seed, flip_last};

const TARGET: &str = "discrete_log_table";
/// Length of the checksum at the end.
const SUM_LEN: usize = 32;

pub(super) fn all() -> Vec<Seed> {
    let file = file::<Ristretto255Sha512>(4);
    let body = &file[..file.len() - SUM_LEN];
    let mut version = body.to_vec();
    version[8] = 9;
    let mut size = body.to_vec();
    size[13] = 28;
    let whole = |file: &[u8]| [&[1], file].concat();
    let unsummed = |body: &[u8]| [&[0], body].concat();
    vec![
        Seed::valid(TARGET, "ristretto255 whole", whole(&file)),
        Seed::valid(TARGET, "ristretto255", unsummed(body)),
        Seed::valid(TARGET, "ffdhe2048", unsummed(&body_of::<Ffdhe2048Sha512>())),
        Seed::valid(TARGET, "ffdhe3072", unsummed(&body_of::<Ffdhe3072Sha512>())),
        Seed::bad(TARGET, "checksum", whole(&flip_last(&file))),
        Seed::bad(TARGET, "short", whole(&file[..file.len() - 1])),
        Seed::bad(TARGET, "version", unsummed(&version)),
        Seed::bad(TARGET, "size", unsummed(&size)),
        Seed::bad(TARGET, "empty", [1]),
    ]
}

fn body_of<S: Ciphersuite>() -> Vec<u8> {
    let mut file = file::<S>(2);
    file.truncate(file.len() - SUM_LEN);
    file
}

fn file<S: Ciphersuite>(bits: u8) -> Vec<u8> {
    let bits = TableBits::new(bits).expect("within bounds");
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let path = folder.path().join("table");
    let saved = DiscreteLogTable::<S>::build(bits, |_, _| ()).save(&path);
    saved.expect("a temporary file can be written");
    std::fs::read(&path).expect("it was just written")
}
