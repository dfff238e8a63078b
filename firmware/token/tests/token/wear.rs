//! How long a flash lasts: what postings cost its pages, and that all pages bear it alike.

use core_nostd::ids::Handle;

use crate::{
    bench::{Bench, RULES},
    ledger::Ledger,
};

const ALICE: Handle = Handle([1; 32]);

/// What posting does to a flash.
struct Wear {
    /// Entries for one erase of the page that is erased most.
    entries_an_erase: f64,
    /// Erases of that page against the mean of the ring's.
    unevenness: f64,
    /// Erases of the first page against the mean of the ring's.
    first_page: f64,
}

/// Posts until each page was erased so often, in a ring that has gone round before.
fn measure<const KIB: u32>(batch: usize, rounds: u32) -> Wear {
    let mut bench = Bench::<KIB>::new();
    bench.done(&crate::bench::provision(crate::bench::PIN));
    let book = bench.book(RULES);
    let mut ledger = Ledger::new(&mut bench, book);
    let mut post_until = |least: u32| {
        let wear = |bench: &Bench<KIB>| bench.world.chip.borrow().wear.clone();
        while wear(&bench)[1..].iter().any(|times| *times < least) {
            ledger.post(&mut bench, &vec![(ALICE, 1); batch]);
        }
        (ledger.next_seq(), wear(&bench))
    };
    let (entries_before, before) = post_until(1);
    let (entries, after) = post_until(1 + rounds);
    let worn: Vec<f64> = after
        .iter()
        .zip(&before)
        .map(|(a, b)| f64::from(a - b))
        .collect();
    let most = worn.iter().copied().fold(0.0, f64::max);
    let ring = &worn[1..];
    let mean = ring.iter().sum::<f64>() / f64::from(u32::try_from(ring.len()).expect("few"));
    Wear {
        entries_an_erase: f64::from(u32::try_from(entries - entries_before).expect("few")) / most,
        unevenness: most / mean,
        first_page: worn[0] / mean,
    }
}

/// Prints the line of a store, and returns how many single postings an erase of each page lasts
/// for. Batches are the longest that the store takes; where they leave much of a page unused, they
/// wear it as much as single postings do.
fn line<const KIB: u32>(boards: &str, rounds: u32) -> f64 {
    let single = measure::<KIB>(1, rounds);
    let batch = usize::from(Bench::<KIB>::new().info().batch_len_max);
    let batched = measure::<KIB>(batch, rounds);
    for wear in [&single, &batched] {
        let (most, first) = (wear.unevenness, wear.first_page);
        assert!(most < 1.0 + 1.5 / f64::from(rounds), "{most}");
        assert!(first < 1.0, "{first}");
    }
    let millions = |wear: &Wear, erases: f64| wear.entries_an_erase * erases / 1e6;
    println!(
        "{KIB:>5} {:>8.1} {:>8.1} {:>8.1} {:>8.1} {batch:>6} {:>9.2}  {boards}",
        millions(&single, NRF52840),
        millions(&batched, NRF52840),
        millions(&single, QSPI),
        millions(&batched, QSPI),
        single.unevenness.max(batched.unevenness),
    );
    single.entries_an_erase
}

/// Erases of a page that an nRF52840 endures (product specification, NVMC).
const NRF52840: f64 = 1e4;

/// Erases of a page that the NOR chip beside an RP2350 endures (data sheets, such as W25Q32).
const QSPI: f64 = 1e5;

#[test]
fn five_million_postings_fit_the_life_of_the_smallest_store_and_wear_is_level() {
    println!("millions of entries in the life of a flash, posted singly and in batches");
    println!("              10,000 erases    100,000 erases");
    println!("  KiB   single    batch   single    batch     of most/mean");
    let smallest = line::<128>("the smallest store", 4);
    assert!(smallest * NRF52840 >= 5e6, "{smallest}");
    let largest = line::<764>("nRF52840 development kit (10,000 erases)", 2);
    assert!(largest > 5.0 * smallest, "{largest}");
    line::<1024>("RP2350 (100,000 erases), the emulators", 2);
}
