//! QEMU is killed again and again, in the middle of commands, and started again on the same flash.
//!
//! What was acknowledged is there, unchanged; what was not is there whole or not at all, and is
//! answered again byte for byte if it is. Nothing is signed or stated twice, no try for the PIN
//! comes back, and nothing that was in the audit log leaves it.
//!
//! The tests of the token cut every single operation of the flash; here it is the image on its
//! machine, and the kill comes between any two instructions that store.

use std::collections::BTreeMap;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

use books::{Books, Command, Ended};
use victim::{Extent, Point};

mod books;
mod claim;
mod victim;

/// Where kills come is drawn with this.
const SEED: u64 = 0x7a11_7571;

/// Where every command is killed.
const POINTS: [Point; 5] = [
    Point::Sent,
    Point::Stored,
    Point::Answered,
    Point::Stored,
    Point::Turned,
];

#[test]
fn kills_lose_nothing_and_double_nothing() {
    kill_again_and_again(1, false);
}

#[test]
#[ignore = "takes minutes"]
fn hundreds_of_kills_lose_nothing_and_double_nothing() {
    kill_again_and_again(7, true);
}

/// Every command is killed at every kind of point, so many times, perhaps in a flash whose pages
/// are all in use.
fn kill_again_and_again(times: usize, full: bool) {
    println!("seed {SEED:#x}");
    let dir = tempfile::tempdir().expect("a folder");
    let mut books = Books::new(dir.path());
    if full {
        books.use_every_page();
    }
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let mut seen = Seen::default();
    for command in Command::ALL {
        // How far it gets; the kill comes right behind the answer.
        seen.round(&mut books, command, Point::Stored, u64::MAX);
    }
    for _ in 0..times {
        for point in POINTS {
            for command in Command::ALL {
                let n = draw(&mut rng, seen.extents[&command], point);
                seen.round(&mut books, command, point, n);
            }
        }
    }
    books.open_everything();
    println!(
        "{} kills, {} in the middle of a command ({} amid its writes; {} had happened all the \
         same); {} entries, {} totals",
        seen.kills,
        seen.unanswered,
        seen.amid_writes,
        seen.happened,
        books.entries(),
        books.releases()
    );
    let planned = times * POINTS.len() * Command::ALL.len();
    assert!(seen.unanswered * 2 > planned, "too many came too late");
    assert!(
        seen.amid_writes * 5 >= planned,
        "too few came between writes"
    );
}

/// Where a command that gets so far is to be killed.
fn draw(rng: &mut ChaCha20Rng, extent: Extent, point: Point) -> u64 {
    match point {
        // The last byte would make it whole.
        Point::Sent => 1 + rng.next_u64() % (extent.sent - 1),
        Point::Answered => 1 + rng.next_u64() % (extent.answered - 1),
        Point::Stored if rng.next_u64().is_multiple_of(2) => 1 + rng.next_u64() % extent.stored,
        // Around the last store, which is what makes the others count.
        Point::Stored => extent.stored + 3 - rng.next_u64() % 8,
        // Evenly on a scale from microseconds to some tenths of a second, as far as that goes.
        Point::Turned => 1 << (rng.next_u64() % 18),
    }
}

/// What the kills have met.
#[derive(Default)]
struct Seen {
    kills: usize,
    /// That came before the answer.
    unanswered: usize,
    /// Of those, how many came at a store into the flash.
    amid_writes: usize,
    /// And how many commands had happened all the same.
    happened: usize,
    /// How far each command gets.
    extents: BTreeMap<Command, Extent>,
}

impl Seen {
    fn round(&mut self, books: &mut Books, command: Command, point: Point, n: u64) {
        let Ended {
            answered,
            happened,
            extent,
        } = books.kill(command, point, n);
        println!(
            "{command:?} at {point:?} {n}: answered {answered}, happened {happened}, {extent:?}"
        );
        assert!(happened || !answered, "what was answered is there");
        match point {
            Point::Sent => assert!(answered || !happened, "half a request does nothing"),
            // While the button is awaited the token says so, which is no answer.
            Point::Answered if command != Command::Release => {
                assert!(happened, "nothing is answered before it is there");
            }
            Point::Answered | Point::Stored | Point::Turned => {}
        }
        self.kills += 1;
        self.unanswered += usize::from(!answered);
        self.amid_writes += usize::from(!answered && point == Point::Stored);
        self.happened += usize::from(happened && !answered);
        if answered && point == Point::Stored {
            // Now and then a page is full, and a command stores more than usual.
            let known = self.extents.entry(command).or_insert(extent);
            known.stored = known.stored.min(extent.stored);
        }
    }
}
