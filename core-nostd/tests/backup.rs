//! Backup in words: every quorum brings the secret back, and nothing else does.

use core_nostd::{
    backup::{
        CombineError, Quorum, QuorumError, SHARES_MAX, Secret, Share, ShareError, combine, split,
    },
    keys::RootSeed,
};
use proptest::{prelude::*, sample::subsequence};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};

const WORDS: &str = include_str!("../src/backup/words.txt");

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn quorum(threshold: u8, shares: u8) -> Quorum {
    Quorum::new(threshold, shares).expect("a quorum")
}

fn text(share: &Share) -> String {
    let mut text = String::new();
    share
        .write_words(&mut text)
        .expect("a string takes everything");
    text
}

fn texts(secret: &[u8], threshold: u8, shares: u8, rng: &mut ChaCha20Rng) -> Vec<String> {
    let secret = Secret::from_bytes(secret).expect("a length it may have");
    split(&secret, quorum(threshold, shares), rng)
        .map(|share| text(&share))
        .collect()
}

fn recover<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<Vec<u8>, CombineError> {
    let shares = texts
        .into_iter()
        .map(|text| Share::from_words(text).expect("a share"));
    let shares: Vec<Share> = shares.collect();
    Ok(combine(&shares, "")?.expose_bytes().to_vec())
}

#[test]
fn every_subset_of_the_size_of_the_quorum_recovers_and_no_other_does() {
    let mut rng = rng(1);
    for shares in 1..=5 {
        for threshold in if shares == 1 { 1..=1 } else { 2..=shares } {
            let mut secret = [0; 32];
            rng.fill_bytes(&mut secret);
            let texts = texts(&secret, threshold, shares, &mut rng);
            for subset in 0..1_u32 << shares {
                let chosen = (0..).zip(&texts).filter(|(i, _)| subset >> i & 1 == 1);
                let given = u8::try_from(subset.count_ones()).expect("at most 5");
                let expected = match given {
                    0 => Err(CombineError::NoShares),
                    _ if given == threshold => Ok(secret.to_vec()),
                    _ => Err(CombineError::SharesGiven {
                        needed: threshold,
                        given,
                    }),
                };
                assert_eq!(recover(chosen.map(|(_, text)| text)), expected);
            }
        }
    }
}

#[test]
fn a_share_as_numbers_is_the_share_as_words() {
    let words: Vec<&str> = WORDS.lines().collect();
    for bytes in [16, 22, 32] {
        for text in texts(&vec![0x5a; bytes], 2, 3, &mut rng(7)) {
            let share = Share::from_words(&text).expect("a share");
            let mut numbers = [0xff; Share::SEED_BYTES + 1];
            let len = share.write_bytes(&mut numbers).expect("there is room");
            let (numbers, rest) = numbers.split_at(len);
            assert!(rest.iter().all(|byte| *byte == 0xff));
            assert_eq!(len == Share::SEED_BYTES, bytes == 32);
            let (pairs, _) = numbers.as_chunks::<2>();
            let looked_up = pairs
                .iter()
                .map(|pair| words[usize::from(u16::from_be_bytes(*pair))]);
            assert!(looked_up.eq(text.split(' ')));
            let again = Share::from_bytes(numbers).expect("a share");
            assert_eq!(self::text(&again), text);
            let mut short = vec![0; len - 1];
            assert_eq!(share.write_bytes(&mut short), None);
        }
    }
}

#[test]
fn other_numbers_are_no_share() {
    let share = &texts(&[1; 32], 1, 1, &mut rng(8))[0];
    let mut good = [0; Share::SEED_BYTES];
    let share = Share::from_words(share).expect("a share");
    assert_eq!(share.write_bytes(&mut good), Some(good.len()));
    let fault = |bytes: &[u8]| Share::from_bytes(bytes).err();
    assert_eq!(fault(&good), None);
    assert_eq!(fault(&[]), Some(ShareError::Length));
    assert_eq!(fault(&good[..65]), Some(ShareError::Length));
    assert_eq!(fault(&good[..64]), Some(ShareError::Length));
    assert_eq!(fault(&[good, good].concat()), Some(ShareError::Length));
    for word in 0..33_u8 {
        for bit in 0..16 {
            let mut bad = good;
            bad[2 * usize::from(word) + bit / 8] ^= 0x80 >> (bit % 8);
            let expected = if bit < 6 {
                ShareError::UnknownWord(word + 1)
            } else {
                ShareError::Checksum
            };
            assert_eq!(fault(&bad), Some(expected), "bit {bit} of word {word}");
        }
    }
}

#[test]
fn quorums_are_one_of_one_or_two_and_more() {
    for shares in 0..=u8::MAX {
        for threshold in 0..=u8::MAX {
            let expected = match (threshold, shares) {
                (_, 0 | 17..) => Err(QuorumError::Shares),
                (0, _) => Err(QuorumError::Threshold),
                _ if threshold > shares => Err(QuorumError::Threshold),
                (1, 2..) => Err(QuorumError::OneOfMany),
                _ => Ok(()),
            };
            let made = Quorum::new(threshold, shares).map(|_| ());
            assert_eq!(made, expected, "{threshold} of {shares}");
        }
    }
}

#[test]
fn secrets_have_an_even_number_of_16_to_32_bytes() {
    for len in 0..100 {
        let accepted = Secret::from_bytes(&vec![7; len]).is_some();
        assert_eq!(accepted, (16..=32).contains(&len) && len % 2 == 0, "{len}");
    }
}

#[test]
fn every_change_of_a_word_and_every_exchange_of_two_is_refused() {
    let list: Vec<&str> = WORDS.lines().collect();
    for (len, step) in [(16, 1), (32, 7)] {
        let share = &texts(&[0x5a; 32][..len], 2, 3, &mut rng(2))[1];
        let words: Vec<&str> = share.split(' ').collect();
        for place in 0..words.len() {
            let some = list.iter().skip(place % step).step_by(step);
            for word in some.filter(|word| **word != words[place]) {
                let mut changed = words.clone();
                changed[place] = word;
                let refused = Share::from_words(&changed.join(" ")).err();
                assert_eq!(refused, Some(ShareError::Checksum), "{place}: {word}");
            }
            for other in (0..place).filter(|other| words[*other] != words[place]) {
                let mut changed = words.clone();
                changed.swap(place, other);
                let refused = Share::from_words(&changed.join(" ")).err();
                assert_eq!(refused, Some(ShareError::Checksum), "{place} and {other}");
            }
        }
    }
}

#[test]
fn a_missing_further_or_unknown_word_is_named() {
    let share = &texts(&[1; 32], 2, 2, &mut rng(3))[0];
    let words: Vec<&str> = share.split(' ').collect();
    for place in 0..words.len() {
        let refused = |change: &dyn Fn(&mut Vec<&str>)| {
            let mut changed = words.clone();
            change(&mut changed);
            Share::from_words(&changed.join(" ")).err()
        };
        let missing = refused(&|words| {
            words.remove(place);
        });
        assert_eq!(missing, Some(ShareError::Length));
        let further = refused(&|words| words.insert(place, "academic"));
        assert_eq!(further, Some(ShareError::Length));
        let number = u8::try_from(place + 1).expect("33 words");
        let unknown = refused(&|words| words[place] = "tally");
        assert_eq!(unknown, Some(ShareError::UnknownWord(number)));
    }
    assert_eq!(Share::from_words("").err(), Some(ShareError::Length));
    let endless = "academic ".repeat(100_000);
    assert_eq!(Share::from_words(&endless).err(), Some(ShareError::Length));
}

#[test]
fn case_and_white_space_do_not_matter() {
    let share = &texts(&[1; 16], 1, 1, &mut rng(4))[0];
    let typed = format!("\n {}\r\n", share.to_uppercase().replace(' ', "\t  "));
    assert_eq!(
        text(&Share::from_words(&typed).expect("the same share")),
        *share
    );
}

#[test]
fn shares_say_what_is_needed_to_ask_for_the_next() {
    let secret = Secret::from_bytes(&[9; 32]).expect("32 bytes");
    let shares: Vec<Share> = split(&secret, quorum(3, 5), &mut rng(5)).collect();
    assert_eq!(shares.len(), 5);
    for (index, share) in (0..).zip(&shares) {
        assert_eq!((share.member_index(), share.member_threshold()), (index, 3));
        assert_eq!(
            (share.identifier(), share.iteration_exponent()),
            (shares[0].identifier(), 0)
        );
    }
}

#[test]
fn the_generator_alone_decides_over_the_shares() {
    let of = |seed, secret: u8| texts(&[secret; 32], 3, 4, &mut rng(seed));
    assert_eq!(of(6, 1), of(6, 1));
    for (i, share) in of(6, 1).iter().enumerate() {
        assert_ne!(*share, of(7, 1)[i], "another generator");
    }
    // The secret is in the shares that were not drawn.
    assert_eq!(of(6, 1)[0], of(6, 2)[0]);
    assert_ne!(of(6, 1)[1], of(6, 2)[1]);
}

#[test]
fn shares_of_two_backups_do_not_mix() {
    let (a, b) = (
        texts(&[1; 32], 2, 3, &mut rng(8)),
        texts(&[1; 32], 2, 3, &mut rng(9)),
    );
    assert_eq!(recover([&a[0], &b[1]]), Err(CombineError::Identifier));
    assert_eq!(recover([&a[0], &a[0]]), Err(CombineError::DuplicateMember));
}

#[test]
fn a_passphrase_is_printable_ascii() {
    let share = Share::from_words(&texts(&[1; 16], 1, 1, &mut rng(10))[0]).expect("a share");
    let shares = [share];
    for passphrase in ["é", "a\n", "\0", "\x7f"] {
        assert_eq!(
            combine(&shares, passphrase).err(),
            Some(CombineError::Passphrase)
        );
    }
    assert!(combine(&shares, " ~").is_ok());
}

#[test]
fn a_seed_comes_back_and_nothing_shorter_is_one() {
    let mut rng = rng(11);
    let seed = RootSeed::random(&mut rng);
    let mut shares: Vec<Share> = seed.split(quorum(2, 3), &mut rng).collect();
    shares.remove(1);
    let restored = RootSeed::from_shares(&shares).expect("two of three");
    assert_eq!(restored.expose_bytes(), seed.expose_bytes());

    let shorter = Secret::from_bytes(&seed.expose_bytes()[..30]).expect("30 bytes");
    let shares: Vec<Share> = split(&shorter, quorum(2, 2), &mut rng).collect();
    assert_eq!(
        RootSeed::from_shares(&shares).err(),
        Some(CombineError::NotASeed)
    );
    assert_eq!(
        RootSeed::from_shares(&[]).err(),
        Some(CombineError::NoShares)
    );
}

/// A quorum, and so many of its shares in any order.
fn chosen_shares() -> impl Strategy<Value = (u8, u8, Vec<usize>)> {
    (2..=SHARES_MAX)
        .prop_flat_map(|shares| (2..=shares, Just(shares)))
        .prop_flat_map(|(threshold, shares)| {
            let all: Vec<usize> = (0..usize::from(shares)).collect();
            let chosen = subsequence(all, usize::from(threshold)).prop_shuffle();
            (Just(threshold), Just(shares), chosen)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_quorum_of_any_secret_recovers(
        (threshold, shares, chosen) in chosen_shares(),
        halves in 8_usize..=16,
        bytes: [u8; 32],
        seed: u64,
    ) {
        let secret = &bytes[..2 * halves];
        let texts = texts(secret, threshold, shares, &mut rng(seed));
        prop_assert_eq!(recover(chosen.iter().map(|i| &texts[*i])), Ok(secret.to_vec()));
    }

    #[test]
    fn no_text_is_taken_for_a_share(
        text: String,
        places in prop::collection::vec(0_usize..1024, 0..40),
    ) {
        prop_assert!(Share::from_words(&text).is_err());
        let list: Vec<&str> = WORDS.lines().collect();
        let words: Vec<&str> = places.iter().map(|place| list[*place]).collect();
        // One in 2^30 would be one.
        prop_assert!(Share::from_words(&words.join(" ")).is_err());
    }

    #[test]
    fn changes_of_up_to_three_words_are_refused(
        places in prop::array::uniform3((0_usize..33, 0_usize..1024)),
        seed: u64,
    ) {
        let share = &texts(&[3; 32], 1, 1, &mut rng(seed))[0];
        let list: Vec<&str> = WORDS.lines().collect();
        let mut words: Vec<&str> = share.split(' ').collect();
        for (place, word) in places {
            words[place] = list[word];
        }
        let changed = words.join(" ");
        prop_assert!(changed == *share || Share::from_words(&changed).is_err());
    }
}
