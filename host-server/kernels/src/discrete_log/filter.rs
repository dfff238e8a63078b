//! Which keys are in a set: a bucketed array of fingerprints that drops nothing.
//!
//! The top bits of a key choose a bucket, about four entries long; 16 other bits are kept as a
//! fingerprint. Three bytes an entry: two of fingerprint, one of bucket. The size of a bucket is
//! whatever falls into it, so there is no overflow to mishandle. Every key of the set is seen. A
//! fingerprint can agree by chance, once in some 2^14 lookups: whoever asks looks closer.

/// See the module's description.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeyFilter {
    bucket_bits: u32,
    fingerprint_mask: u16,
    /// Bucket `b` is the range `starts[b]..starts[b + 1]` of the fingerprints.
    pub(super) starts: Vec<u32>,
    /// With [`GLANCE_LEN`] more at the end.
    fingerprints: Vec<u16>,
}

impl KeyFilter {
    /// The set of `keys`.
    pub(super) fn new(keys: &[u64]) -> Self {
        Self::with_shape(keys, bucket_bits(keys.len()), u16::MAX)
    }

    /// Like [`Self::new`], with other sizes of bucket and fingerprint.
    pub(super) fn with_shape(keys: &[u64], bucket_bits: u32, fingerprint_mask: u16) -> Self {
        let mut filter = Self {
            bucket_bits,
            fingerprint_mask,
            starts: vec![0; (1 << bucket_bits) + 1],
            fingerprints: vec![0; keys.len() + GLANCE_LEN],
        };
        // Counting sort: count each bucket, turn counts into ends, fill from the ends backwards.
        for &key in keys {
            let bucket = filter.bucket(key);
            filter.starts[bucket] += 1;
        }
        let mut end = 0;
        for start in &mut filter.starts {
            end += *start;
            *start = end;
        }
        for &key in keys {
            let bucket = filter.bucket(key);
            filter.starts[bucket] -= 1;
            let slot = filter.starts[bucket] as usize;
            filter.fingerprints[slot] = filter.fingerprint(key);
        }
        filter
    }

    /// A filter of the parts of another, or nothing if they do not fit each other.
    pub(super) fn from_parts(starts: Vec<u32>, mut fingerprints: Vec<u16>) -> Option<Self> {
        let len = fingerprints.len();
        let bucket_bits = bucket_bits(len);
        let fits = starts.len() == (1 << bucket_bits) + 1
            && starts.is_sorted()
            && starts.first() == Some(&0)
            && starts.last().is_some_and(|end| *end as usize == len);
        fingerprints.resize(len + GLANCE_LEN, 0);
        fits.then_some(Self {
            bucket_bits,
            fingerprint_mask: u16::MAX,
            starts,
            fingerprints,
        })
    }

    /// The fingerprints, bucket after bucket.
    pub(super) fn fingerprints(&self) -> &[u16] {
        &self.fingerprints[..self.fingerprints.len() - GLANCE_LEN]
    }

    /// The `i` for which `keys[i]` is probably in the set; the others are not.
    pub(super) fn glance(&self, keys: &[u64]) -> impl Iterator<Item = usize> {
        let groups = keys.chunks(GROUP_LEN).zip((0..).step_by(GROUP_LEN));
        groups.flat_map(|(group, first)| {
            let seen = self.glance_at_group(group);
            (0..group.len())
                .filter(move |i| seen[*i])
                .map(move |i| first + i)
        })
    }

    /// Nearly every lookup is a miss, and what it costs is waiting for memory. So the buckets of a
    /// whole group are looked up first, then all fingerprints are compared: a fixed number for each
    /// key, with no branch that depends on what is there, so that many reads are under way at once.
    fn glance_at_group(&self, keys: &[u64]) -> [bool; GROUP_LEN] {
        let mut firsts = [0; GROUP_LEN];
        let mut seen = [false; GROUP_LEN];
        for ((first, seen), key) in firsts.iter_mut().zip(&mut seen).zip(keys) {
            let bucket = self.bucket(*key);
            let [start, end] = [self.starts[bucket], self.starts[bucket + 1]];
            *first = start as usize;
            *seen = (end - start) as usize > GLANCE_LEN;
        }
        for ((first, seen), key) in firsts.into_iter().zip(&mut seen).zip(keys) {
            let fingerprint = self.fingerprint(*key);
            let glance = &self.fingerprints[first..first + GLANCE_LEN];
            *seen = glance
                .iter()
                .fold(*seen, |seen, found| seen | (*found == fingerprint));
        }
        seen
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

/// Keys looked up together.
const GROUP_LEN: usize = 64;

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
    fn every_key_of_the_set_is_seen_and_hardly_any_other() {
        for len in [1, 2, 3, 7, 8, 100, 4096] {
            let keys: Vec<u64> = (0..2 * len).map(spread).collect();
            let (inside, outside) = keys.split_at(keys.len() / 2);
            let filter = KeyFilter::new(inside);
            assert!(filter.glance(inside).eq(0..inside.len()));
            assert!(filter.glance(outside).count() <= 3, "of {len}");
        }
    }

    #[test]
    fn no_key_is_overlooked_however_long_its_bucket() {
        let keys: [u64; 100] = std::array::from_fn(|i| spread(i as u64 % 4 + 1));
        let filter = KeyFilter::new(&keys);
        assert!(filter.starts.windows(2).any(|pair| pair[1] - pair[0] > 20));
        assert_eq!(filter.fingerprints().len(), keys.len());
        assert!(filter.glance(&keys).eq(0..keys.len()));

        let one_bucket = KeyFilter::with_shape(&keys, 0, u16::MAX);
        assert!(one_bucket.glance(&keys).eq(0..keys.len()));
    }

    #[test]
    fn parts_that_do_not_fit_each_other_are_refused() {
        let filter = KeyFilter::new(&(0..64).map(spread).collect::<Vec<_>>());
        let fingerprints = filter.fingerprints().to_vec();
        let KeyFilter { starts, .. } = &filter;
        let whole = KeyFilter::from_parts(starts.clone(), fingerprints.clone());
        assert_eq!(whole.as_ref(), Some(&filter));
        let mut unsorted = starts.clone();
        unsorted.swap(0, 16);
        let mut with_gap = starts.clone();
        with_gap[0] = 1;
        for (starts, fingerprints) in [
            (unsorted, fingerprints.clone()),
            (with_gap, fingerprints.clone()),
            (starts[1..].to_vec(), fingerprints.clone()),
            (starts.clone(), fingerprints[1..].to_vec()),
            (starts.iter().map(|start| start + 1).collect(), fingerprints),
        ] {
            assert_eq!(KeyFilter::from_parts(starts, fingerprints), None);
        }
    }
}
