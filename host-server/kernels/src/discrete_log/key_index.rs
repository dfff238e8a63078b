//! From a key to the baby steps that may have it: a bucketed array that drops nothing.
//!
//! The top bits of a key choose a bucket, about eight entries long; 16 other bits are kept as a
//! fingerprint. Six bytes an entry, and a miss reads two of them for every entry of a bucket. The
//! size of a bucket is whatever falls into it, so there is no overflow to mishandle. A fingerprint
//! can agree by chance, once in some 2^13 lookups: what comes out is a candidate, never an answer.

/// See the module's description.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyIndex {
    bucket_bits: u32,
    fingerprint_mask: u16,
    /// Bucket `b` is the range `starts[b]..starts[b + 1]` of the other two.
    pub(super) starts: Vec<u32>,
    pub(super) fingerprints: Vec<u16>,
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
            fingerprints: vec![0; keys.len()],
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
        fingerprints: Vec<u16>,
        steps: Vec<u32>,
    ) -> Option<Self> {
        let bucket_bits = bucket_bits(steps.len());
        let fits = starts.len() == (1 << bucket_bits) + 1
            && starts.is_sorted()
            && starts
                .last()
                .is_some_and(|&end| end as usize == steps.len())
            && fingerprints.len() == steps.len();
        let fingerprint_mask = u16::MAX;
        fits.then_some(Self {
            bucket_bits,
            fingerprint_mask,
            starts,
            fingerprints,
            steps,
        })
    }

    /// The steps that may have `key`: all that have it, and rarely another.
    pub(super) fn candidates(&self, key: u64) -> impl Iterator<Item = u32> {
        let bucket = self.bucket(key);
        let fingerprint = self.fingerprint(key);
        let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        let first = range.start;
        self.fingerprints[range]
            .iter()
            .enumerate()
            .filter(move |(_, found)| **found == fingerprint)
            .map(move |(offset, _)| self.steps[first + offset])
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

/// Such that a bucket has four to eight entries on average.
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
    fn parts_that_do_not_fit_each_other_are_refused() {
        let KeyIndex {
            starts,
            fingerprints,
            steps,
            ..
        } = KeyIndex::new(&(0..64).map(spread).collect::<Vec<_>>());
        let whole = KeyIndex::from_parts(starts.clone(), fingerprints.clone(), steps.clone());
        assert!(whole.is_some());
        let mut unsorted = starts.clone();
        unsorted.swap(0, 16);
        for (starts, fingerprints, steps) in [
            (unsorted, fingerprints.clone(), steps.clone()),
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
