//! `tally table`: the tables that amounts are decoded with, built before anybody waits for one.

use std::fs;

use core_nostd::ciphersuite::{Ciphersuite, SuiteId, SuiteVisitor};
use host_kernels::discrete_log::{DiscreteLogTable, TableBits};
use serde::Serialize;

use crate::{
    decode, dirs,
    failure::{Failure, Result},
    settings::Settings,
};

/// What can be done with tables.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Build a table and keep it: with BITS more, `--table-bits BITS` decodes in less time
    Build(Build),
}

/// Arguments of `tally table build`.
#[derive(Debug, clap::Args)]
pub struct Build {
    /// The suite of the books it is for
    #[arg(long, default_value = "ristretto255")]
    suite: String,
    /// 2^BITS entries of three bytes, 1 to 28; while it is built, eleven bytes of memory for each
    /// [default: 22, in the ffdhe suites 18]
    #[arg(long, value_name = "BITS", value_parser = decode::table_bits)]
    bits: Option<TableBits>,
}

/// What `tally table build` prints.
#[derive(Serialize)]
struct Built {
    suite: String,
    bits: u8,
    file: String,
    bytes: u64,
}

/// Does it.
pub fn run(settings: &Settings, command: &Command) -> Result<()> {
    let Command::Build(Build { suite, bits }) = command;
    let id = SuiteId::from_name(suite).ok_or_else(|| {
        let names = SuiteId::ALL.map(SuiteId::name).join(", ");
        Failure::usage(format!("there is no suite `{suite}`; there are {names}"))
    })?;
    let built = id.dispatch(Make(bits.unwrap_or(TableBits::default_for(id))))?;
    let text = format!(
        "{}: the table for {} with 2^{} entries, {} bytes",
        built.file, built.suite, built.bits, built.bytes
    );
    settings.format.print(&text, &built)
}

/// Builds the table of this size, or finds it whole.
struct Make(TableBits);

impl SuiteVisitor for Make {
    type Output = Result<Built>;

    fn visit<S: Ciphersuite>(self) -> Self::Output {
        decode::table::<S>(self.0)?;
        let path = DiscreteLogTable::<S>::path_in(&dirs::cache()?, self.0);
        let file = fs::metadata(&path).map_err(|error| Failure::file(&path, error))?;
        Ok(Built {
            suite: S::ID.name().to_owned(),
            bits: self.0.get(),
            file: path.display().to_string(),
            bytes: file.len(),
        })
    }
}
