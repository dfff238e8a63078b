//! The commands. Each ends with 0 if all is well, 1 if something is wrong with a ledger, 2 if the
//! work could not be done.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;

use super::{progress::Progress, rebuild::rebuild, verify::verify};
use crate::{
    config::StoreAddress,
    store::{StoreError, inspect::Inspect, memory::MemoryStore, redb::RedbStore},
    sums::SumError,
    transfer::{
        self, Nowhere, Result as Transferred, Summary, TransferError,
        file::{FileSink, read_file},
        into_store::StoreSink,
        read_store,
    },
};

/// Work on a whole ledger.
#[derive(Subcommand)]
pub enum Maintenance {
    /// Derive everything anew from the log and compare it with what is kept
    ///
    /// Names every entry that is missing, changed or in the wrong place, every checkpoint and
    /// account's sum that is not the sum of its entries, and whatever else is not as it should be.
    Verify,
    /// Forget everything that is derived from the log, and make it anew
    Rebuild,
    /// Copy the ledger into a file or into another store
    ///
    /// Stopped, it goes on where it was when the same command is run again. What arrived is read
    /// once more at the end and compared: counts, and a hash over every record. API keys stay
    /// behind, and so does what can be derived.
    Export {
        /// A file that does not exist yet, redb:PATH or mongodb://…
        #[arg(long, value_name = "FILE|STORE")]
        to: String,
    },
    /// Copy a ledger from a file or from another store into this one
    ///
    /// The same as an export, seen from the other side.
    Import {
        /// A file that was exported, redb:PATH or mongodb://…
        #[arg(long, value_name = "FILE|STORE")]
        from: String,
    },
}

/// The work is done, but a ledger is not as it should be.
const WRONG: u8 = 1;
/// The work could not be done.
pub const NOT_DONE: u8 = 2;

/// A store or a file.
enum Location {
    Store(StoreAddress),
    File(PathBuf),
}

impl Location {
    fn of(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(StoreAddress::Memory) => Err("memory: is forgotten at once".to_owned()),
            Ok(address) => Ok(Self::Store(address)),
            Err(_) => Ok(Self::File(text.into())),
        }
    }
}

impl Maintenance {
    /// Does it on the ledger at `store`.
    ///
    /// # Errors
    /// Why it could not be done.
    pub async fn run(&self, store: StoreAddress) -> Result<ExitCode, String> {
        match self {
            Self::Verify => on_store(store, Missing::IsAnError, Verify).await,
            Self::Rebuild => on_store(store, Missing::IsAnError, Rebuild).await,
            Self::Export { to } => {
                transfer_between(Location::Store(store), Location::of(to)?).await
            }
            Self::Import { from } => {
                transfer_between(Location::of(from)?, Location::Store(store)).await
            }
        }
    }
}

/// What is to be done on an open store.
trait Work {
    fn on<S: Inspect>(self, store: S) -> impl Future<Output = Result<ExitCode, String>>;
}

/// Whether a file that is not there is a new ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsNew,
    IsAnError,
}

/// Opens a store, which has to be there unless it is to be filled, and does some work on it.
async fn on_store(
    address: StoreAddress,
    missing: Missing,
    work: impl Work,
) -> Result<ExitCode, String> {
    match address {
        StoreAddress::Memory => work.on(MemoryStore::new()).await,
        StoreAddress::Redb(path) => {
            if missing == Missing::IsAnError && !path.exists() {
                return Err(format!("there is no ledger at {}", path.display()));
            }
            work.on(RedbStore::open(&path).map_err(say)?).await
        }
        #[cfg(feature = "mongo")]
        StoreAddress::Mongo(uri) => {
            let store = crate::store::mongo::MongoStore::connect(&uri);
            work.on(store.await.map_err(say)?).await
        }
        #[cfg(not(feature = "mongo"))]
        StoreAddress::Mongo(_) => {
            Err("this build has no MongoDB: build it with --features mongo".to_owned())
        }
    }
}

async fn transfer_between(from: Location, to: Location) -> Result<ExitCode, String> {
    match (from, to) {
        (Location::File(_), Location::File(_)) => Err("one of the two is a store".to_owned()),
        (Location::Store(from), Location::File(to)) => {
            on_store(from, Missing::IsAnError, ToFile(to)).await
        }
        (Location::File(from), Location::Store(to)) => {
            on_store(to, Missing::IsNew, FromFile(from)).await
        }
        (Location::Store(from), Location::Store(to)) => {
            if from == to {
                return Err("a ledger is not copied onto itself".to_owned());
            }
            on_store(from, Missing::IsAnError, ToStore(to)).await
        }
    }
}

struct Verify;

impl Work for Verify {
    async fn on<S: Inspect>(self, store: S) -> Result<ExitCode, String> {
        let len = transfer::len(&store).await.unwrap_or_default();
        let progress = Progress::new("verify", Some(len));
        let report = verify(&store, &progress, &mut |fault| println!("{fault}")).await;
        drop(progress);
        let report = report.map_err(say)?;
        println!("{report}");
        Ok(match report.faults {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(WRONG),
        })
    }
}

struct Rebuild;

impl Work for Rebuild {
    async fn on<S: Inspect>(self, store: S) -> Result<ExitCode, String> {
        let len = transfer::len(&store).await.map_err(say)?;
        let rebuilt = rebuild(store, &Progress::new("rebuild", Some(len))).await;
        match rebuilt {
            Ok(()) => {
                println!("the sums and indexes of {len} entries are made anew");
                Ok(ExitCode::SUCCESS)
            }
            Err(SumError::Store(error @ StoreError::Damaged(_))) => {
                eprintln!("host-server: {error}; `host-server verify` names what is damaged");
                Ok(ExitCode::from(WRONG))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

struct ToFile(PathBuf);

impl Work for ToFile {
    async fn on<S: Inspect>(self, store: S) -> Result<ExitCode, String> {
        let mut sink = FileSink::begin(&self.0).map_err(say)?;
        let progress = Progress::new("export", Some(transfer::len(&store).await.map_err(say)?));
        let copied = async {
            let summary = read_store(&store, &mut sink, &progress).await?;
            let kept = sink.kept();
            sink.finish(&summary)?;
            if kept > 0 {
                eprintln!("{kept} bytes had been written before");
            }
            drop(progress);
            let check = Progress::new("check", Some(summary.entries));
            Ok((summary, read_file(&self.0, &mut Nowhere, &check).await?))
        };
        conclude(copied.await, &self.0.display().to_string())
    }
}

struct FromFile(PathBuf);

impl Work for FromFile {
    async fn on<S: Inspect>(self, store: S) -> Result<ExitCode, String> {
        let copied = fill(&store, async |sink: &mut _| {
            let progress = Progress::new("import", None);
            read_file(&self.0, sink, &progress).await
        });
        conclude(copied.await, "the store")
    }
}

struct ToStore(StoreAddress);

impl Work for ToStore {
    async fn on<S: Inspect>(self, source: S) -> Result<ExitCode, String> {
        on_store(self.0, Missing::IsNew, FromStore(source)).await
    }
}

struct FromStore<A>(A);

impl<A: Inspect> Work for FromStore<A> {
    async fn on<S: Inspect>(self, store: S) -> Result<ExitCode, String> {
        let len = transfer::len(&self.0).await.map_err(say)?;
        let copied = fill(&store, async |sink: &mut _| {
            let progress = Progress::new("copy", Some(len));
            read_store(&self.0, sink, &progress).await
        });
        conclude(copied.await, "the store")
    }
}

/// Fills a store, reads it once more, and gives what was put and what is there.
async fn fill<S: Inspect>(
    store: &S,
    source: impl AsyncFnOnce(&mut StoreSink<'_, S>) -> Transferred<Summary>,
) -> Transferred<(Summary, Summary)> {
    let mut sink = StoreSink::new(store);
    let put = source(&mut sink).await?;
    if sink.kept() > 0 {
        eprintln!("{} entries were there before", sink.kept());
    }
    let check = Progress::new("check", Some(put.entries));
    Ok((put, read_store(store, &mut Nowhere, &check).await?))
}

fn conclude(copied: Transferred<(Summary, Summary)>, target: &str) -> Result<ExitCode, String> {
    match copied {
        Ok((put, found)) if put == found => {
            println!("{target} holds what was copied: {found}");
            Ok(ExitCode::SUCCESS)
        }
        Ok((put, found)) => {
            eprintln!(
                "host-server: {target} holds something else than what was copied, perhaps more: \
                 copied {put}; found {found}"
            );
            Ok(ExitCode::from(WRONG))
        }
        Err(error @ (TransferError::Differs(_) | TransferError::Store(StoreError::Damaged(_)))) => {
            eprintln!("host-server: {error}");
            Ok(ExitCode::from(WRONG))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn say(error: impl std::fmt::Display) -> String {
    error.to_string()
}
