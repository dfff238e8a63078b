//! The committed corpus, run through the targets without a fuzzer.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tallystick_fuzz::{TARGETS, seeds};

/// What all inputs together may take.
const CORPUS_LEN_MAX: usize = 300 * 1024;

#[test]
fn every_input_keeps_what_its_target_asserts() {
    let mut len = 0;
    for (name, target) in TARGETS {
        for path in files(&folder("corpus").join(name)) {
            let file_name = file_name(&path);
            let bytes = fs::read(&path).expect("a file of the corpus");
            len += bytes.len();
            // The test's output is shown if it fails: the input it stopped at is the last.
            println!("{}", path.display());
            let taken = target(&bytes);
            if file_name.starts_with("valid-") {
                assert!(taken, "a value was refused");
            }
            if file_name.starts_with("bad-") {
                assert!(!taken, "what is no value was taken for one");
            }
        }
    }
    assert!(
        len <= CORPUS_LEN_MAX,
        "the corpus has {len} bytes: minimise it"
    );
}

#[test]
fn every_seed_is_in_the_corpus() {
    for seed in seeds::all() {
        let path = folder("corpus").join(seed.target).join(&seed.name);
        let committed = fs::read(&path).unwrap_or_default();
        let help = "cargo run --manifest-path tools/fuzz/Cargo.toml --example seed_corpus";
        assert_eq!(committed, seed.bytes, "{}: run {help}", path.display());
    }
}

#[test]
fn every_target_has_a_file_and_a_corpus() {
    let names: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let stem = |path: &PathBuf| file_name(path).trim_end_matches(".rs").to_owned();
    let listed = |name| {
        files(&folder(name))
            .iter()
            .map(stem)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(listed("fuzz_targets"), names);
    assert_eq!(listed("corpus"), names);
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of this package");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
