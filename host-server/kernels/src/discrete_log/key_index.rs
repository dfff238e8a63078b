//! From a key to the baby steps that may have it: a bucketed array that drops nothing.
//!
//! The top bits of a key choose a bucket, about four entries long; 16 other bits are kept as a
//! fingerprint. Seven bytes an entry: two of fingerprint, four of baby step, one of bucket. The
//! size of a bucket is whatever falls into it, so there is no overflow to mishandle. A fingerprint
//! can agree by chance, once in some 2^14 lookups: what comes out is a candidate, never an answer.

/// See the module's description.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyIndex {
    bucket_bits: u32,
    fingerprint_mask: u16,
    /// Bucket `b` is the range `starts[b]..starts[b + 1]` of the other two.
    pub(super) starts: Vec<u32>,
    /// With [`GLANCE_LEN`] more at the end.
    fingerprints: Vec<u16>,
    pub(super) steps: Vec<u32>,
}

impl KeyIndex {
    /// Indexes `keys`: the key of step `i` is `keys[i]`.
    pub(super) fn new(keys: &[u64]) -> Self {
        Self::with_shape(keys, bucket_bits(keys.len()), u16::MAX)
    }

    /// Like [`Self::new`], with other sizes of bucket and fingerprint.
    pub(super) fn with_shape(keys: &[u64], bucket_bits: u32, fingerprint_mask: u16) -> Self {
        let len = u32::try_from(keys.len()).expect("a table has at most 2^28 entries");
        let mut index = Self {
            bucket_bits,
            fingerprint_mask,
            starts: vec![0; (1 << bucket_bits) + 1],
            fingerprints: vec![0; keys.len() + GLANCE_LEN],
            steps: vec![0; keys.len()],
        };
        // Counting sort: count each bucket, turn counts into ends, fill from the ends backwards.
        for &key in keys {
            let bucket = index.bucket(key);
            index.starts[bucket] += 1;
        }
        let mut end = 0;
        for start in &mut index.starts {
            end += *start;
            *start = end;
        }
        for (step, &key) in (0..len).zip(keys).rev() {
            let bucket = index.bucket(key);
            index.starts[bucket] -= 1;
            let slot = index.starts[bucket] as usize;
            index.fingerprints[slot] = index.fingerprint(key);
            index.steps[slot] = step;
        }
        index
    }

    /// An index of the parts of another, or nothing if they do not fit each other.
    pub(super) fn from_parts(
        starts: Vec<u32>,
        mut fingerprints: Vec<u16>,
        steps: Vec<u32>,
    ) -> Option<Self> {
        let bucket_bits = bucket_bits(steps.len());
        let fits = starts.len() == (1 << bucket_bits) + 1
            && starts.is_sorted()
            && starts.first() == Some(&0)
            && starts
                .last()
                .is_some_and(|&end| end as usize == steps.len())
            && fingerprints.len() == steps.len();
        fingerprints.resize(steps.len() + GLANCE_LEN, 0);
        let fingerprint_mask = u16::MAX;
        fits.then_some(Self {
            bucket_bits,
            fingerprint_mask,
            starts,
            fingerprints,
            steps,
        })
    }

    /// The fingerprints, in the order of the steps.
    pub(super) fn fingerprints(&self) -> &[u16] {
        &self.fingerprints[..self.steps.len()]
    }

    /// The `i` for which `keys[i]` may have candidates; the others have none.
    ///
    /// Nearly every lookup is a miss, and what it costs is waiting for memory. So all the buckets
    /// are looked up first, then all fingerprints are compared: a fixed number for each key, with
    /// no branch that depends on what is there, so that many reads are under way at once.
    pub(super) fn glance<const N: usize>(&self, keys: &[u64; N]) -> impl Iterator<Item = usize> {
        let firsts = keys.map(|key| {
            let bucket = self.bucket(key);
            let [first, end] = [self.starts[bucket], self.starts[bucket + 1]];
            (first as usize, (end - first) as usize > GLANCE_LEN)
        });
        let mut seen = [false; N];
        for ((seen, key), (first, long)) in seen.iter_mut().zip(keys).zip(firsts) {
            let fingerprint = self.fingerprint(*key);
            let glance = &self.fingerprints[first..first + GLANCE_LEN];
            *seen = glance
                .iter()
                .fold(long, |seen, found| seen | (*found == fingerprint));
        }
        (0..N).filter(move |i| seen[*i])
    }

    /// The steps that may have `key`: all that have it, and rarely another.
    pub(super) fn candidates(&self, key: u64) -> impl Iterator<Item = u32> {
        let bucket = self.bucket(key);
        let fingerprint = self.fingerprint(key);
        let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        let steps = &self.steps[range.clone()];
        self.fingerprints[range]
            .iter()
            .zip(steps)
            .filter(move |(found, _)| **found == fingerprint)
            .map(|(_, step)| *step)
    }

    fn bucket(&self, key: u64) -> usize {
        // In two shifts, because there may be one bucket only.
        let bucket = key >> 1 >> (63 - self.bucket_bits);
        usize::try_from(bucket).expect("at most 26 bits are left")
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low bits are what is wanted"
    )]
    fn fingerprint(&self, key: u64) -> u16 {
        key as u16 & self.fingerprint_mask
    }
}

/// Longer than all but one bucket in some thousands.
const GLANCE_LEN: usize = 16;

/// Such that a bucket has four entries on average, or a few more.
pub(super) fn bucket_bits(len: usize) -> u32 {
    (len / 4).max(1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(i: u64) -> u64 {
        i.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn every_step_is_a_candidate_for_its_own_key() {
        for len in [1, 2, 3, 7, 8, 100, 4096] {
            let keys: Vec<u64> = (0..len).map(spread).collect();
            let index = KeyIndex::new(&keys);
            for (step, key) in keys.iter().enumerate() {
                assert!(index.candidates(*key).any(|found| found as usize == step));
            }
        }
    }

    #[test]
    fn equal_keys_are_all_kept() {
        let keys = [7, u64::MAX, 7, 7, 0, u64::MAX, 7];
        let index = KeyIndex::new(&keys);
        assert_eq!(index.candidates(7).collect::<Vec<_>>(), [0, 2, 3, 6]);
        assert_eq!(index.candidates(u64::MAX).collect::<Vec<_>>(), [1, 5]);
        let index = KeyIndex::with_shape(&keys, 0, 0);
        assert_eq!(
            index.candidates(12345).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6]
        );
    }

    #[test]
    fn a_glance_overlooks_no_key_however_long_its_bucket() {
        let keys: [u64; 100] = std::array::from_fn(|i| spread(i as u64 % 4 + 1));
        let index = KeyIndex::new(&keys);
        assert!(index.starts.windows(2).any(|pair| pair[1] - pair[0] > 20));
        assert_eq!(index.glance(&keys).count(), keys.len());
        assert_eq!(index.candidates(keys[0]).count(), 25);

        // Distinct keys of short buckets are seen, and hardly any other.
        let keys: [u64; 257] = std::array::from_fn(|i| spread(i as u64));
        let index = KeyIndex::new(&keys[..128]);
        let seen: Vec<_> = index.glance(&keys).collect();
        assert!((0..128).all(|i| seen.contains(&i)));
        assert!(seen.len() < 160);
    }

    #[test]
    fn parts_that_do_not_fit_each_other_are_refused() {
        let index = KeyIndex::new(&(0..64).map(spread).collect::<Vec<_>>());
        let fingerprints = index.fingerprints().to_vec();
        let KeyIndex { starts, steps, .. } = index;
        let whole = KeyIndex::from_parts(starts.clone(), fingerprints.clone(), steps.clone());
        assert!(whole.is_some());
        let mut unsorted = starts.clone();
        unsorted.swap(0, 16);
        let mut with_gap = starts.clone();
        with_gap[0] = 1;
        for (starts, fingerprints, steps) in [
            (unsorted, fingerprints.clone(), steps.clone()),
            (with_gap, fingerprints.clone(), steps.clone()),
            (starts[1..].to_vec(), fingerprints.clone(), steps.clone()),
            (starts.clone(), fingerprints[1..].to_vec(), steps.clone()),
            (
                starts.iter().map(|start| start + 1).collect(),
                fingerprints,
                steps,
            ),
        ] {
            assert_eq!(KeyIndex::from_parts(starts, fingerprints, steps), None);
        }
    }
}
