//! Secret operations take the same number of instructions for every secret, on the target.
//!
//! The image `firmware/counts` measures and says what it covers; here QEMU runs it, suite by suite,
//! and its report is held to what is asked of it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use core_nostd::ciphersuite::SuiteId;
use e2e_tests::qemu;

/// A report takes seconds to half a minute; on a busy machine it may take many times that.
const REPORT_LIMIT: Duration = Duration::from_secs(900);

/// What must be constant in every suite.
const SCHEME: [&str; 11] = [
    "derive-secret-key",
    "public-key",
    "take-foreign-key",
    "encrypt",
    "encrypt-with-secret-key",
    "decrypt",
    "decrypt-with-foreign-key",
    "check-amount",
    "multiply",
    "multiply-generator",
    "prove",
];

/// What must be constant where books are authenticated, and on the token.
const AUTHENTICATED: [&str; 10] = [
    "shared-keys",
    "admit",
    "nonce-of-entry",
    "entry",
    "entry-as-writer",
    "prove-statement",
    "refuse-total",
    "refuse-balance",
    "refuse-seal",
    "wrong-pin",
];

/// What must be constant once, whatever the suite; it is slow, so it has fewer samples.
const BACKUP: [&str; 2] = ["share-seed", "combine-shares"];
const BACKUP_RANDOM: usize = 4;

#[test]
fn no_secret_shows_in_the_time_on_ristretto255() {
    let operations = SCHEME.into_iter().chain(AUTHENTICATED).chain(BACKUP);
    let operations: Vec<_> = operations.collect();
    let controls = ["control-double-and-add", "control-compare"];
    check(SuiteId::Ristretto255, &operations, &controls, 100);
}

#[test]
fn no_secret_shows_in_the_time_on_ffdhe2048() {
    check(SuiteId::Ffdhe2048, &SCHEME, &["control-double-and-add"], 4);
}

#[test]
fn no_secret_shows_in_the_time_on_ffdhe3072() {
    check(SuiteId::Ffdhe3072, &SCHEME, &["control-double-and-add"], 4);
}

/// Asserts that a report has these operations and controls and no other, that the operations are
/// constant over `random` samples and the extreme ones, and that the controls are not.
fn check(suite: SuiteId, operations: &[&str], controls: &[&str], random: usize) {
    /// Zero, one, all ones, the last, and the greatest amount.
    const EXTREMES: usize = 5;
    let report = report(suite);
    let mut names: Vec<_> = report.iter().map(|row| row.name.as_str()).collect();
    let mut expected: Vec<_> = operations.iter().chain(controls).copied().collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for row in &report {
        let is_slow = BACKUP.contains(&row.name.as_str());
        let random = if is_slow { BACKUP_RANDOM } else { random };
        assert_eq!(row.samples, random + EXTREMES, "{row:?}");
        assert!(row.least > 0, "{row:?}");
        let constant = row.least == row.greatest;
        assert_eq!(constant, operations.contains(&row.name.as_str()), "{row:?}");
    }
}

/// A line of a report.
#[derive(Debug)]
struct Row {
    name: String,
    samples: usize,
    /// Instructions of the sample with the fewest.
    least: u64,
    /// Instructions of the sample with the most.
    greatest: u64,
}

impl Row {
    /// `ristretto255 encrypt samples=105 instructions=2251353`, or `=39..160`; then words for
    /// people.
    fn parse(line: &str, suite: SuiteId) -> Option<Self> {
        let mut words = line.split(' ');
        if words.next()? != suite.name() {
            return None;
        }
        let name = words.next()?.to_owned();
        let samples = words.next()?.strip_prefix("samples=")?.parse().ok()?;
        let counts = words.next()?.strip_prefix("instructions=")?;
        let (least, greatest) = counts.split_once("..").unwrap_or((counts, counts));
        Some(Self {
            name,
            samples,
            least: least.parse().ok()?,
            greatest: greatest.parse().ok()?,
        })
    }
}

/// Runs the image that `COUNTS_ELF` names on one suite.
fn report(suite: SuiteId) -> Vec<Row> {
    let elf = std::env::var_os("COUNTS_ELF").expect("COUNTS_ELF names the image");
    // The word in which the image looks for the number of a suite.
    let wish = format!("loader,addr=0x203FFFF0,data={},data-len=4", suite as u8);
    let mut machine = Command::new(qemu::program());
    machine.args(["-machine", "mps2-an386", "-cpu", "cortex-m4"]);
    machine.args(["-icount", "shift=8", "-device", &wish]);
    machine.args(["-display", "none", "-monitor", "none", "-no-reboot"]);
    machine.args(["-serial", "stdio", "-kernel"]).arg(elf);
    machine.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut machine = Machine(machine.spawn().expect("QEMU starts"));
    let output = machine.0.stdout.take().expect("it is piped");
    let (lines, printed) = mpsc::channel();
    thread::spawn(move || {
        BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| lines.send(line))
    });
    let mut report = Vec::new();
    loop {
        let line = printed.recv_timeout(REPORT_LIMIT);
        let line = line.unwrap_or_else(|error| panic!("no report ({error}), only {report:?}"));
        if line == "done" {
            return report;
        }
        let row = Row::parse(&line, suite);
        report.push(row.unwrap_or_else(|| panic!("the image prints: {line}")));
    }
}

/// A running machine. Dropping it kills it.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
