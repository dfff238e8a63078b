//! A machine that is killed at a point of a command, and comes back on the same flash.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use core_nostd::wire::TokenError;
use e2e_tests::token::{AnyClient, Carrier, Line, TestToken, client};
use token_client::ClientError;

/// Where the board has its flash, how long it is, and how long its pages are.
const FLASH: u32 = 0x2100_0000;
const FLASH_LEN: u32 = 1028 * 1024;
const PAGE_LEN: usize = 4096;

/// What is counted from the beginning of a command to the kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Bytes of the request on the line.
    Sent,
    /// Stores of the processor into the flash.
    Stored,
    /// Bytes of the answer on the line.
    Answered,
    /// Turns of a loop beside it: the only one that is another on every run.
    Turned,
}

/// How far a command got, in numbers of what [`Point`]s count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extent {
    /// Bytes of the request.
    pub sent: u64,
    /// Stores into the flash, if they were counted.
    pub stored: u64,
    /// Bytes of the answer.
    pub answered: u64,
}

/// A token in QEMU.
pub struct Victim {
    flash: PathBuf,
    token: TestToken,
    /// What talks to it.
    pub client: AnyClient,
    gauges: Arc<[Gauge; 2]>,
}

impl Victim {
    /// A new token with its state in `dir`.
    pub fn new(dir: &Path) -> Self {
        let token = TestToken::start(Carrier::Qemu, dir);
        let (client, gauges) = open(&token);
        Self {
            flash: dir.join("flash.bin"),
            token,
            client,
            gauges,
        }
    }

    /// Begins a command, kills the machine at the `n`-th of what `point` counts, or once there is
    /// an answer, and gives it power again. Returns the answer, if there was one, and how far the
    /// command got.
    ///
    /// # Panics
    /// If there is no answer and it was not for the kill.
    pub fn killed<T: Send>(
        &mut self,
        point: Point,
        n: u64,
        command: impl FnOnce(&mut AnyClient) -> Result<T, ClientError> + Send,
    ) -> (Option<Result<T, TokenError>>, Extent) {
        let limit = |counted: Point| if point == counted { n } else { u64::MAX };
        let gauges = Arc::clone(&self.gauges);
        gauges[0].begin(limit(Point::Sent));
        gauges[1].begin(limit(Point::Answered));
        let (answer, count) = match point {
            Point::Stored => self.ask_watched(n, command),
            Point::Turned => self.ask_beside_a_loop(n, command),
            Point::Sent | Point::Answered => (command(&mut self.client), 0),
        };
        self.token.kill();
        self.token.power_on();
        (self.client, self.gauges) = open(&self.token);

        let [sent, answered] = gauges.each_ref().map(Gauge::count);
        let reached = n
            == match point {
                Point::Sent => sent,
                Point::Answered => answered,
                Point::Stored | Point::Turned => count,
            };
        let answer = match answer {
            Ok(answer) => Some(Ok(answer)),
            Err(ClientError::Token(error)) => Some(Err(error)),
            Err(_) if reached => None,
            Err(error) => panic!("the machine ended by itself: {error}"),
        };
        let extent = Extent {
            sent,
            stored: if point == Point::Stored { count } else { 0 },
            answered,
        };
        (answer, extent)
    }

    /// Whether there are pages that were never written to; one stays erased in any case.
    pub fn has_fresh_pages(&self) -> bool {
        let flash = fs::read(&self.flash).expect("QEMU's file");
        let pages = flash[..FLASH_LEN as usize].chunks(PAGE_LEN);
        pages
            .filter(|page| page.iter().all(|byte| *byte == 0xff))
            .count()
            > 1
    }

    fn ask_watched<T: Send>(
        &mut self,
        n: u64,
        command: impl FnOnce(&mut AnyClient) -> Result<T, ClientError> + Send,
    ) -> (Result<T, ClientError>, u64) {
        let mut watch = self.token.machine().watch(FLASH, FLASH_LEN);
        let end = watch.end();
        let client = &mut self.client;
        thread::scope(|scope| {
            let asked = scope.spawn(move || {
                let answer = command(client);
                end.now();
                answer
            });
            let count = watch.run(n);
            self.token.kill();
            (asked.join().expect("no panic"), count)
        })
    }

    fn ask_beside_a_loop<T: Send>(
        &mut self,
        n: u64,
        command: impl FnOnce(&mut AnyClient) -> Result<T, ClientError> + Send,
    ) -> (Result<T, ClientError>, u64) {
        let client = &mut self.client;
        thread::scope(|scope| {
            let asked = scope.spawn(move || command(client));
            let mut count = 0;
            while count < n && !asked.is_finished() {
                thread::yield_now();
                count += 1;
            }
            self.token.kill();
            (asked.join().expect("no panic"), count)
        })
    }
}

fn open(token: &TestToken) -> (AnyClient, Arc<[Gauge; 2]>) {
    let gauges = Arc::new([Gauge::default(), Gauge::default()]);
    gauges.iter().for_each(|gauge| gauge.begin(u64::MAX));
    let line = Metered {
        line: token.line(),
        gauges: Arc::clone(&gauges),
    };
    (client(Box::new(line)), gauges)
}

/// Counts bytes of one direction, and knows how many may pass.
#[derive(Default)]
struct Gauge {
    count: AtomicU64,
    limit: AtomicU64,
}

impl Gauge {
    fn begin(&self, limit: u64) {
        self.count.store(0, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Passes what is left of `len` bytes; as it does at the end of a line, none once the limit is
    /// reached.
    fn pass(&self, len: usize, pass: impl FnOnce(usize) -> io::Result<usize>) -> io::Result<usize> {
        let left = self.limit.load(Ordering::Relaxed) - self.count();
        let passed = match usize::try_from(left).unwrap_or(usize::MAX).min(len) {
            0 => 0,
            len => pass(len)?,
        };
        self.count.fetch_add(passed as u64, Ordering::Relaxed);
        Ok(passed)
    }
}

/// A line that is cut off after so many bytes.
struct Metered {
    line: Box<dyn Line>,
    gauges: Arc<[Gauge; 2]>,
}

impl Write for Metered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = &mut self.line;
        self.gauges[0].pass(bytes.len(), |len| line.write(&bytes[..len]))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.line.flush()
    }
}

impl Read for Metered {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let line = &mut self.line;
        self.gauges[1].pass(bytes.len(), |len| line.read(&mut bytes[..len]))
    }
}
