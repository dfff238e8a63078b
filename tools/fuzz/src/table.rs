//! Files of discrete-logarithm tables.

use std::{
    fs::{self, File},
    io::Write,
};

use core_nostd::{
    ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor},
    group::Group,
};
use host_kernels::discrete_log::{DiscreteLogTable, TableFileError, Window};
use sha2::{Digest, Sha256};

use crate::within_heap;

/// Where the file has the number of its suite.
const SUITE_AT: usize = 12;
/// Length of the checksum at the end.
const SUM_LEN: usize = 32;

/// A first byte other than 0: the rest is a file, which loads only if its checksum is right. 0:
/// the rest is a file without its checksum, which is put behind it. Whatever loads, no wrong
/// logarithm comes out of it. The memory taken is in proportion to the file.
pub fn discrete_log_table(data: &[u8]) -> bool {
    let Some((is_whole, rest)) = data.split_first() else {
        return false;
    };
    let mut file = rest.to_vec();
    if *is_whole == 0 {
        file.extend(Sha256::digest(rest));
    }
    let suite = file
        .get(SUITE_AT)
        .and_then(|number| SuiteId::from_u8(*number));
    let suite = suite.unwrap_or(SuiteId::Ristretto255);
    suite.dispatch(Load(&file))
}

struct Load<'a>(&'a [u8]);

impl SuiteVisitor for Load<'_> {
    type Output = bool;

    fn visit<S: Ciphersuite>(self) -> bool {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let path = folder.path().join("table");
        let write = File::create(&path).and_then(|mut file| file.write_all(self.0));
        write.expect("a temporary file can be written");

        // The first steps are computed with a comb, however small the table.
        let heap_max = 512 * 1024 + 4 * self.0.len();
        let loaded = within_heap(heap_max, || DiscreteLogTable::<S>::load(&path));
        let table = match loaded {
            Ok(table) => table,
            Err(TableFileError::Io { source, .. }) => panic!("reading failed: {source}"),
            Err(error) => {
                assert!(error.to_string().contains("table"));
                return false;
            }
        };
        let (body, sum) = self.0.split_at(self.0.len() - SUM_LEN);
        assert_eq!(Sha256::digest(body).as_slice(), sum);
        assert!(fs::metadata(&path).is_ok(), "a table that was loaded stays");
        let window = Window::new(10).expect("within bounds");
        for m in [0, 1, -1, 700, -1023] {
            let opened = S::Group::mul_base_i64(m);
            let found = table.solve(&opened, window);
            assert!(
                found.is_err() || found == Ok(m),
                "{m} came out as {found:?}"
            );
        }
        true
    }
}
