//! Posting many rows into an authenticated book, in batches as large as the token takes, so that a
//! stop at any point posts no row twice.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use core_nostd::{
    ids::Handle,
    nid::{Nid, PADDED_LEN},
    wire::Posting,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use zeroize::ZeroizeOnDrop;

use crate::{
    chain::Chain,
    failure::{Failure, Result},
    journal::Journal,
    out::hint,
    rows::Row,
};

/// How often a batch is begun again because somebody else posted to the chain meanwhile.
const TRIES: usize = 16;
/// So many accounts are remembered at most. Then all are forgotten, and looked up again where they
/// come up again: memory does not grow with the file.
const ACCOUNTS_MAX: usize = 1 << 16;
/// How often progress is reported where there is no terminal.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// A posting of many rows under way.
pub struct Bulk<'a> {
    /// The chain.
    pub chain: Chain<'a>,
    /// How far it has come.
    pub journal: Journal,
    /// The accounts of these rows, so that each is looked up once.
    accounts: HashMap<NidKey, Handle>,
    /// Their last positions in the chain.
    last: HashMap<Handle, Option<u64>>,
    /// How many accounts were looked up and then forgotten.
    forgotten: u64,
}

/// A NID as a key. Wiped when dropped.
#[derive(PartialEq, Eq, Hash, ZeroizeOnDrop)]
struct NidKey([u8; PADDED_LEN]);

impl<'a> Bulk<'a> {
    /// Begins, or goes on where the journal says.
    pub fn new(chain: Chain<'a>, journal: Journal) -> Self {
        Self {
            chain,
            journal,
            accounts: HashMap::new(),
            last: HashMap::new(),
            forgotten: 0,
        }
    }

    /// Posts every row that the journal does not say is posted.
    pub fn post_all(
        &mut self,
        rows: impl Iterator<Item = Result<Row>>,
        batch_len: usize,
        progress: &Progress,
    ) -> Result<()> {
        let mut skip = self.journal.rows_done();
        let mut batch = Vec::with_capacity(batch_len);
        for row in rows {
            let row = row?;
            if skip > 0 {
                skip -= 1;
                continue;
            }
            batch.push(row);
            if batch.len() == batch_len {
                self.post(&batch)?;
                batch.clear();
                progress.set(self.journal.rows_done());
            }
        }
        if !batch.is_empty() {
            self.post(&batch)?;
        }
        Ok(())
    }

    /// How many accounts were looked up in this run. One that came up again after very many others
    /// counts again.
    pub fn accounts_seen(&self) -> u64 {
        self.forgotten + self.accounts.len() as u64
    }

    /// Posts one batch; when this returns, its entries are durable on the server.
    fn post(&mut self, batch: &[Row]) -> Result<()> {
        if self.accounts.len() >= ACCOUNTS_MAX {
            self.forgotten += self.accounts.len() as u64;
            self.accounts.clear();
            self.last.clear();
        }
        for _ in 0..TRIES {
            let mut postings = Vec::with_capacity(batch.len());
            for row in batch {
                let account = self.account(&row.nid)?;
                let prev = self.last.get(&account).copied().flatten();
                postings.push(Posting {
                    account,
                    prev,
                    minor: row.minor,
                });
            }
            self.journal
                .begin_batch(self.chain.next_seq, batch.len() as u64)?;
            if let Some(posted) = self.chain.post(&mut postings)? {
                self.journal.end_batch();
                for (seq, entry) in std::iter::zip(posted.first_seq.., &posted.entries) {
                    self.last.insert(entry.account, Some(seq));
                }
                return Ok(());
            }
            // Somebody else posted: nothing was signed, and what we know of accounts is old.
            self.journal.drop_batch();
            self.last.clear();
            self.accounts.clear();
            self.chain.bring_into_step()?;
        }
        Err(Failure::failed(
            "other programs keep posting with this token at the same time. Run the same command \
             again later: it goes on where it was",
        ))
    }

    fn account(&mut self, nid: &Nid) -> Result<Handle> {
        let key = NidKey(nid.padded());
        if let Some(handle) = self.accounts.get(&key) {
            return Ok(*handle);
        }
        let account = self.chain.account(nid.as_str())?;
        self.accounts.insert(key, account.handle);
        self.last.insert(account.handle, account.prev);
        Ok(account.handle)
    }
}

/// A bar on a terminal, a line every few seconds elsewhere.
pub struct Progress {
    bar: ProgressBar,
    resumed: u64,
    begun: Instant,
    reported: std::cell::Cell<Instant>,
}

impl Progress {
    /// Of so many rows, some of which were done before.
    pub fn new(rows: u64, resumed: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr());
        let style = "{bar:30} {pos}/{len} rows, {per_sec}, {eta} left";
        bar.set_style(ProgressStyle::with_template(style).expect("the template is a constant"));
        bar.set_position(resumed);
        bar.reset_eta();
        let now = Instant::now();
        Self {
            bar,
            resumed,
            begun: now,
            reported: now.into(),
        }
    }

    /// So many are done.
    pub fn set(&self, done: u64) {
        self.bar.set_position(done);
        if self.bar.is_hidden() && self.reported.get().elapsed() >= REPORT_EVERY {
            self.reported.set(Instant::now());
            let all = self.bar.length().unwrap_or(0);
            // A rate to be read: whole rows a second.
            let rate = (done - self.resumed) / self.begun.elapsed().as_secs().max(1);
            hint(&format!("{done} of {all} rows, {rate} a second"));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
