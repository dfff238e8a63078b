//! Files are read back as written, or refused.

use std::{collections::BTreeSet, thread};

use core_nostd::ciphersuite::{Ffdhe2048Sha512, Ristretto255Sha512};
use tempfile::TempDir;

use super::*;

type Table = DiscreteLogTable<Ristretto255Sha512>;

fn bits(bits: u8) -> TableBits {
    TableBits::new(bits).expect("a legal size")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn saved(dir: &TempDir, size: TableBits) -> (Table, PathBuf) {
    let table = Table::rebuild(dir.path(), size, |_, _| ()).expect("builds and saves");
    (table, Table::path_in(dir.path(), size))
}

#[test]
fn a_table_is_read_back_as_it_was_written() {
    let dir = folder();
    for size in [1, 2, 5, 10, 15] {
        let (table, path) = saved(&dir, bits(size));
        assert_eq!(Table::load(&path).expect("loads"), table);
    }
}

#[test]
fn a_file_with_any_byte_changed_is_refused() {
    let dir = folder();
    let (_, path) = saved(&dir, bits(4));
    let good = fs::read(&path).expect("reads");
    for position in 0..good.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[position] ^= flip;
            fs::write(&path, &bad).expect("writes");
            let error = Table::load(&path).expect_err("one byte is wrong");
            let expected = match position {
                0..8 => matches!(error, TableFileError::NotATable { .. }),
                8..12 => matches!(error, TableFileError::Version { .. }),
                12 => matches!(error, TableFileError::OtherTable { .. }),
                _ => matches!(error, TableFileError::Damaged { .. }),
            };
            assert!(expected, "byte {position}: {error}");
        }
    }
    fs::write(&path, &good).expect("writes");
    assert!(Table::load(&path).is_ok());
}

#[test]
fn a_file_of_any_other_length_is_refused() {
    let dir = folder();
    let (_, path) = saved(&dir, bits(4));
    let good = fs::read(&path).expect("reads");
    for len in 0..good.len() {
        fs::write(&path, &good[..len]).expect("writes");
        assert!(Table::load(&path).is_err(), "{len} bytes");
    }
    fs::write(&path, [&good[..], &[0]].concat()).expect("writes");
    assert!(matches!(
        Table::load(&path),
        Err(TableFileError::Damaged { .. })
    ));
}

#[test]
fn a_table_of_another_suite_or_size_is_refused() {
    let dir = folder();
    let (_, path) = saved(&dir, bits(4));
    let error = DiscreteLogTable::<Ffdhe2048Sha512>::load(&path).expect_err("another suite");
    assert!(matches!(
        error,
        TableFileError::OtherTable {
            found_suite: 1,
            found_bits: 4,
            ..
        }
    ));

    fs::rename(&path, Table::path_in(dir.path(), bits(5))).expect("renames");
    let error = Table::load_or_build(dir.path(), bits(5), |_, _| ()).expect_err("another size");
    assert!(matches!(
        error,
        TableFileError::OtherTable {
            found_suite: 1,
            found_bits: 4,
            ..
        }
    ));
}

#[test]
fn a_damaged_table_is_an_error_that_names_the_file_until_it_is_rebuilt() {
    let dir = folder();
    let (table, path) = saved(&dir, bits(6));
    fs::write(&path, b"TALLY").expect("writes");
    for _ in 0..2 {
        let error = Table::load_or_build(dir.path(), bits(6), |_, _| panic!("builds"))
            .expect_err("damaged");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    Table::rebuild(dir.path(), bits(6), |_, _| ()).expect("rebuilds");
    let loaded = Table::load_or_build(dir.path(), bits(6), |_, _| panic!("builds"));
    assert_eq!(loaded.expect("loads"), table);
}

#[test]
fn a_missing_table_is_built_once_in_a_folder_that_need_not_exist() {
    let dir = folder();
    let nested = dir.path().join("cache/tables");
    let mut reports = Vec::new();
    let built = Table::load_or_build(&nested, bits(7), |done, total| reports.push((done, total)));
    let built = built.expect("builds");
    assert_eq!(reports.last(), Some(&(128, 128)));
    let loaded = Table::load_or_build(&nested, bits(7), |_, _| panic!("builds"));
    assert_eq!(loaded.expect("loads"), built);
}

#[test]
fn a_table_that_cannot_be_written_is_an_error_and_leaves_nothing_behind() {
    let dir = folder();
    let table = Table::build(bits(3), |_, _| ());
    let occupied = dir.path().join("occupied");
    fs::create_dir(&occupied).expect("creates");
    assert!(matches!(
        table.save(&occupied),
        Err(TableFileError::Io { .. })
    ));
    assert_eq!(
        names_in(dir.path()),
        BTreeSet::from(["occupied".to_owned()])
    );
}

#[test]
fn threads_that_build_at_the_same_time_all_get_the_table_and_leave_one_file() {
    let dir = folder();
    let size = bits(10);
    let expected = Table::build(size, |_, _| ());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let table = Table::load_or_build(dir.path(), size, |_, _| ());
                assert_eq!(table.expect("loads or builds"), expected);
            });
        }
    });
    assert_eq!(
        Table::load(&Table::path_in(dir.path(), size)).expect("loads"),
        expected
    );
    assert_eq!(names_in(dir.path()).len(), 1);
}

fn names_in(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir)
        .expect("lists")
        .map(|entry| {
            entry
                .expect("lists")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}
