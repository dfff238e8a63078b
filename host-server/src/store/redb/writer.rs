//! Group commit: one thread writes. What arrives while it commits goes into its next transaction,
//! so that a busy server pays for one commit, not for one for each request.

use std::{
    io,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use redb::WriteTransaction;
use tokio::sync::oneshot;

use super::file::{self, Fault, File, Outcome};
use crate::store::{Result, StoreError};

/// So many jobs share a transaction at most.
const GROUP_LEN_MAX: usize = 1024;

/// The thread that writes. Dropped, it finishes the jobs it has.
#[derive(Debug)]
pub struct Writer {
    /// None only while it is dropped.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(file: Arc<File>) -> io::Result<Self> {
        let (jobs, inbox) = mpsc::channel();
        let work = move || write_all(&file, &inbox);
        let thread = thread::Builder::new()
            .name("store".to_owned())
            .spawn(work)?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Does some work in a transaction, and answers when that is committed. The work is done even
    /// if nobody waits for the answer any more.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = oneshot::channel();
        let job = Box::new(Pending {
            work: Some(work),
            outcome: None,
            tell,
        });
        let gone = || StoreError::Unavailable("the store's writer has stopped".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).map_err(|_| gone())?;
        told.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, those who waited know already.
            let _ = thread.join();
        }
    }
}

fn write_all(file: &File, inbox: &mpsc::Receiver<Box<dyn Job>>) {
    while let Ok(first) = inbox.recv() {
        let mut group = vec![first];
        group.extend(inbox.try_iter().take(GROUP_LEN_MAX - 1));
        let committed = file.with(|database| {
            let txn = file::begin_write(database)?;
            for job in &mut group {
                job.run(&txn)?;
            }
            Ok(txn.commit()?)
        });
        for job in group {
            job.finish(committed.clone());
        }
    }
}

trait Job: Send {
    /// Does the work. Fails if redb does: then the whole transaction is given up.
    fn run(&mut self, txn: &WriteTransaction) -> Outcome<()>;
    /// Tells what came of it.
    fn finish(self: Box<Self>, committed: Result<()>);
}

struct Pending<W, T> {
    work: Option<W>,
    outcome: Option<Result<T>>,
    tell: oneshot::Sender<Result<T>>,
}

impl<W, T> Job for Pending<W, T>
where
    W: FnOnce(&WriteTransaction) -> Outcome<T> + Send,
    T: Send,
{
    fn run(&mut self, txn: &WriteTransaction) -> Outcome<()> {
        let work = self.work.take().expect("a job runs once");
        self.outcome = Some(match work(txn) {
            Ok(done) => Ok(done),
            Err(Fault::Store(error)) => Err(error),
            Err(fault) => return Err(fault),
        });
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<()>) {
        let outcome = match committed {
            Ok(()) => self
                .outcome
                .expect("every job of a committed transaction has run"),
            Err(error) => Err(error),
        };
        // Nobody may be waiting any more.
        let _ = self.tell.send(outcome);
    }
}
