//! Everything there is, tried: the finite-field group, encryption, tags and proofs in groups so
//! small that a test can go through all of their elements, keys and messages.
//!
//! What is expected is computed with machine integers and a table of all powers of two.

mod generic {
    pub mod admitted;
    pub mod tiny;
}

use core_nostd::{
    check_amount,
    ciphersuite::{Ciphersuite, Element},
    ciphertext::Ciphertext,
    error::{DecodeError, VerifyError},
    group::Group,
    ids::{BookId, Handle, Place, WriterId},
    keys::{Hedge, PublicKey, RootSeed, SecretKey, SharedKeys},
    proof::dleq::{DleqProof, DleqStatement, ProofNonce},
    statement::{Header, Scope},
    tag::{Cut, LastPosition, Range, TaggedSum},
};
use generic::admitted::admitted;
use generic::tiny::{Tiny, key, nonce};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// The smallest such prime of 20 bits; the group has 262,583 elements.
const BITS_20: u64 = 525_167;
/// 491 elements.
const BITS_10: u64 = 983;
/// 83 elements.
const BITS_8: u64 = 167;
/// 11 elements.
const BITS_5: u64 = 23;

type G<const P: u64> = <Tiny<P> as Ciphersuite>::Group;

fn index(number: u64) -> usize {
    usize::try_from(number).expect("tiny")
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("tiny")
}

/// The residues of `(c1, c2)`.
fn residues<const P: u64>(ciphertext: &Ciphertext<Tiny<P>>) -> (u64, u64) {
    let residue = Tiny::<P>::residue;
    (residue(&ciphertext.c1), residue(&ciphertext.c2))
}

mod groups {
    use super::*;

    #[test]
    fn exactly_the_squares_decode() {
        let q = Tiny::<BITS_20>::Q;
        let mut is_square = vec![false; 1 << 20];
        for root in 1..=q {
            is_square[index(root * root % BITS_20)] = true;
        }
        let mut decoded = 0;
        for (residue, is_square) in (0_u64..).zip(is_square) {
            let expected = match is_square {
                true => Ok(residue),
                false if (1..BITS_20).contains(&residue) => Err(DecodeError::NotInSubgroup),
                false => Err(DecodeError::NonCanonical),
            };
            let element = G::<BITS_20>::decode(&residue.to_be_bytes());
            let again = element.map(|element| Tiny::<BITS_20>::residue(&element));
            assert_eq!(again, expected);
            decoded += u64::from(is_square);
        }
        assert_eq!(decoded, q, "as many as the group has elements");
        for beyond in (20..64)
            .map(|bit| 1 << bit)
            .chain([u64::MAX, BITS_20 + 4, 2 * BITS_20 + 1])
        {
            let element = G::<BITS_20>::decode(&u64::to_be_bytes(beyond));
            assert_eq!(element, Err(DecodeError::NonCanonical), "{beyond}");
        }
    }

    #[test]
    fn exactly_the_integers_below_the_order_are_scalars() {
        for integer in 0..1_u64 << 20 {
            let scalar = G::<BITS_20>::decode_scalar(&integer.to_be_bytes());
            let again =
                scalar.map(|scalar| u64::from_be_bytes(G::<BITS_20>::encode_scalar(&scalar)));
            let is_below = integer < Tiny::<BITS_20>::Q;
            assert_eq!(again.ok(), is_below.then_some(integer));
        }
    }

    #[test]
    fn multiples_of_the_generator_are_all_powers_of_two() {
        let powers = Tiny::<BITS_20>::powers();
        for (k, power) in (0..).zip(&powers) {
            let scalar = G::<BITS_20>::scalar_from_i64(k);
            let element = G::<BITS_20>::mul_base(&scalar);
            assert_eq!(Tiny::<BITS_20>::residue(&element), *power);
            assert_eq!(bool::from(G::<BITS_20>::is_identity(&element)), k == 0);
        }
        let mut sorted = powers;
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(
            sorted.len() as u64,
            Tiny::<BITS_20>::Q,
            "no power comes twice"
        );
    }

    #[test]
    fn every_multiple_of_every_element_is_the_one_of_the_product() {
        let (q, powers) = (Tiny::<BITS_10>::Q, Tiny::<BITS_10>::powers());
        for k in 0..q {
            let element = Tiny::<BITS_10>::multiple(k);
            assert_eq!(
                Tiny::<BITS_10>::residue(&-element),
                powers[index((q - k) % q)]
            );
            for by in 0..q {
                let scalar = G::<BITS_10>::scalar_from_i64(signed(by));
                let product = G::<BITS_10>::mul(&element, &scalar);
                assert_eq!(
                    Tiny::<BITS_10>::residue(&product),
                    powers[index(k * by % q)]
                );
            }
        }
    }
}

mod encryption {
    use super::*;

    /// Encrypts `m` under `x` with `r` in both ways, and decrypts it.
    fn check<const P: u64>(powers: &[u64], x: u64, m: i64, r: u64) {
        let (q, key) = (Tiny::<P>::Q, key::<Tiny<P>>(x));
        let ciphertext = key.public_key().encrypt(m, nonce(r));
        let plaintext = u64::try_from(m.rem_euclid(signed(q))).expect("not negative");
        let expected = (powers[index(r)], powers[index((r * x + plaintext) % q)]);
        assert_eq!(residues(&ciphertext), expected, "x {x}, m {m}, r {r}");
        assert_eq!(key.encrypt(m, nonce(r)), ciphertext);
        let opened = key.decrypt_to_element(&ciphertext);
        assert_eq!(
            Tiny::<P>::residue(&opened),
            powers[index(plaintext)],
            "x {x}, m {m}, r {r}"
        );
    }

    /// Messages from `−q/2` to `q/2`, each under another key.
    #[test]
    fn every_key_and_every_message() {
        let (q, powers) = (Tiny::<BITS_20>::Q, Tiny::<BITS_20>::powers());
        for x in 1..=q {
            let m = signed(x * 123_457 % q) - signed(q / 2);
            check::<BITS_20>(&powers, x % q, m, (x * x + 1) % q);
        }
    }

    #[test]
    #[ignore = "minutes: all keys with a set of messages, and the other way round"]
    fn every_key_with_many_messages_and_every_message_with_many_keys() {
        let (q, powers) = (Tiny::<BITS_20>::Q, Tiny::<BITS_20>::powers());
        for k in 1..q {
            for i in 0..8 {
                let other = (i * 65_537 + 1) % q;
                check::<BITS_20>(&powers, k, -signed(other), (k * other) % q);
                check::<BITS_20>(&powers, other, signed(k), (k + other) % q);
            }
        }
    }

    #[test]
    fn every_key_with_every_message() {
        let (q, powers) = (Tiny::<BITS_10>::Q, Tiny::<BITS_10>::powers());
        for x in 1..q {
            for m in 0..q {
                check::<BITS_10>(&powers, x, signed(m), (x * 17 + m * 31) % q);
            }
        }
    }

    #[test]
    fn every_scalar_but_zero_is_a_key_and_every_element_but_the_identity_a_public_key() {
        let powers = Tiny::<BITS_20>::powers();
        for (x, power) in (0_u64..).zip(powers) {
            let (x, y) = (x.to_be_bytes(), power.to_be_bytes());
            let key = SecretKey::<Tiny<BITS_20>>::from_bytes(&x);
            let public_key = PublicKey::<Tiny<BITS_20>>::from_bytes(&y);
            if power == 1 {
                assert_eq!(key.err(), Some(DecodeError::Zero));
                assert_eq!(public_key, Err(DecodeError::Identity));
            } else {
                assert_eq!(key.map(|key| key.public_key()), public_key);
                assert_eq!(public_key.map(|key| key.to_bytes()), Ok(y));
            }
        }
    }

    #[test]
    fn a_key_from_elsewhere_does_what_the_same_key_made_here_does() {
        let q = Tiny::<BITS_8>::Q;
        for x in 1..q {
            let ours = key::<Tiny<BITS_8>>(x);
            let theirs = SecretKey::<Tiny<BITS_8>>::from_bytes(&x.to_be_bytes()).expect("a key");
            for m in 0..q {
                let ciphertext = ours.encrypt(signed(m), nonce(m * m % q));
                assert_eq!(theirs.encrypt(signed(m), nonce(m * m % q)), ciphertext);
                let opened = ours.decrypt_to_element(&ciphertext);
                assert_eq!(theirs.decrypt_to_element(&ciphertext), opened);
            }
        }
    }

    /// Every ciphertext there is, with its two logarithms.
    fn ciphertexts<const P: u64>() -> Vec<(u64, u64, Ciphertext<Tiny<P>>)> {
        let all = (0..Tiny::<P>::Q).flat_map(|a| (0..Tiny::<P>::Q).map(move |b| (a, b)));
        let multiple = Tiny::<P>::multiple;
        all.map(|(a, b)| {
            (
                a,
                b,
                Ciphertext {
                    c1: multiple(a),
                    c2: multiple(b),
                },
            )
        })
        .collect()
    }

    #[test]
    fn the_group_law_on_every_pair_of_ciphertexts() {
        let (q, powers) = (Tiny::<BITS_5>::Q, Tiny::<BITS_5>::powers());
        let all = ciphertexts::<BITS_5>();
        let at = |log: u64| powers[index(log % q)];
        for (a1, a2, a) in &all {
            assert_eq!(residues(&-*a), (at(q - a1), at(q - a2)));
            for (b1, b2, b) in &all {
                assert_eq!(residues(&(*a + *b)), (at(a1 + b1), at(a2 + b2)));
                assert_eq!(residues(&(*a - *b)), (at(a1 + q - b1), at(a2 + q - b2)));
            }
            for k in 0..q {
                assert_eq!(residues(&a.scale(signed(k))), (at(a1 * k), at(a2 * k)));
                assert_eq!(a.scale(-signed(k)), -a.scale(signed(k)));
                for x in 1..q {
                    let again = key(x).public_key().rerandomize(a, nonce(k));
                    assert_eq!(residues(&again), (at(a1 + k), at(a2 + k * x)));
                }
            }
        }
    }

    #[test]
    fn every_sum_of_two_messages() {
        let (q, powers) = (Tiny::<BITS_8>::Q, Tiny::<BITS_8>::powers());
        let key = key::<Tiny<BITS_8>>(12);
        let all: Vec<_> = (0..q)
            .map(|m| key.encrypt(signed(m), nonce(m * m % q)))
            .collect();
        for (m, a) in (0..).zip(&all) {
            for (n, b) in (0..).zip(&all) {
                let opened = key.decrypt_to_element(&(*a + *b));
                assert_eq!(Tiny::<BITS_8>::residue(&opened), powers[index((m + n) % q)]);
            }
        }
    }
}

mod tags {
    use super::*;

    const BOOK: BookId = BookId([0xB0; 32]);
    const WRITER: WriterId = WriterId([1; 16]);
    const ACCOUNT: Handle = Handle([2; 32]);

    /// The keys of one seed, and the honest sums of three entries of one account: total, balance.
    fn honest<const P: u64>(seed: u8) -> (SharedKeys, TaggedSum<Tiny<P>>, TaggedSum<Tiny<P>>) {
        let shared = RootSeed::from_bytes(&[seed; 32]).shared_keys();
        let key = key::<Tiny<P>>(5);
        let (mut total, mut balance) = (TaggedSum::zero(), TaggedSum::zero());
        for seq in 0..3_u64 {
            let (writer, account, prev) = (WRITER, ACCOUNT, seq.checked_sub(1));
            let place = Place {
                book: BOOK,
                writer,
                seq,
                account,
                prev,
            };
            let entry = shared.entry(&key, &place, admitted(10), nonce(seq + 1));
            total = total + entry.total_part();
            balance = balance + entry.balance_part();
        }
        (shared, total, balance)
    }

    fn total_holds<const P: u64>(keys: &SharedKeys, sum: &TaggedSum<Tiny<P>>) -> bool {
        let to = keys.cut::<Tiny<P>>(&BOOK, &WRITER, 3);
        let range = Range {
            writer: WRITER,
            from: Cut::START,
            to,
        };
        keys.verify_total(&BOOK, &[range], sum) == Ok(3)
    }

    fn balance_holds<const P: u64>(keys: &SharedKeys, sum: &TaggedSum<Tiny<P>>) -> bool {
        let last = LastPosition {
            writer: WRITER,
            seq: Some(2),
        };
        keys.verify_balance(&BOOK, &ACCOUNT, &[last], sum).is_ok()
    }

    /// Which tags a sum verifies with, of all there are.
    fn tags_that_hold<const P: u64>(
        sum: TaggedSum<Tiny<P>>,
        holds: impl Fn(&TaggedSum<Tiny<P>>) -> bool,
    ) -> Vec<Element<Tiny<P>>> {
        let tags = (0..Tiny::<P>::Q).map(Tiny::<P>::multiple);
        tags.filter(|tag| holds(&TaggedSum { tag: *tag, ..sum }))
            .collect()
    }

    #[test]
    fn of_all_tags_the_honest_one_verifies() {
        let (keys, total, balance) = honest::<BITS_10>(1);
        let hold = tags_that_hold(total, |sum| total_holds(&keys, sum));
        assert_eq!(hold, [total.tag]);
        let hold = tags_that_hold(balance, |sum| balance_holds(&keys, sum));
        assert_eq!(hold, [balance.tag]);
    }

    #[test]
    #[ignore = "a minute: every tag of the larger group"]
    fn of_half_a_million_tags_the_honest_one_verifies() {
        let (keys, total, balance) = honest::<BITS_20>(1);
        assert_eq!(
            tags_that_hold(total, |sum| total_holds(&keys, sum)),
            [total.tag]
        );
        assert_eq!(
            tags_that_hold(balance, |sum| balance_holds(&keys, sum)),
            [balance.tag]
        );
    }

    #[test]
    fn one_in_q_of_all_ciphertexts_verifies_with_a_given_tag() {
        let (keys, total, balance) = honest::<BITS_8>(1);
        let q = Tiny::<BITS_8>::Q;
        let (mut totals, mut balances) = (0, 0);
        for c1 in (0..q).map(Tiny::<BITS_8>::multiple) {
            for c2 in (0..q).map(Tiny::<BITS_8>::multiple) {
                let ciphertext = Ciphertext { c1, c2 };
                totals += u64::from(total_holds(
                    &keys,
                    &TaggedSum {
                        ciphertext,
                        ..total
                    },
                ));
                balances += u64::from(balance_holds(
                    &keys,
                    &TaggedSum {
                        ciphertext,
                        ..balance
                    },
                ));
            }
        }
        assert_eq!((totals, balances), (q, q), "of q² ciphertexts");
    }

    /// A forger who does not know the keys adds `G` to `c2` and guesses the tag's change: for every
    /// guess, one key in `q` lets it pass. (β is uniform, and here it is all that matters.)
    #[test]
    fn every_forgery_passes_with_one_key_in_q() {
        const KEYS: u8 = 220;
        let q = Tiny::<BITS_5>::Q;
        let mut passed = vec![0_u32; index(q)];
        for seed in 0..KEYS {
            let (keys, mut sum, _) = honest::<BITS_5>(seed);
            let tag = sum.tag;
            sum.ciphertext.c2 = sum.ciphertext.c2 + Tiny::<BITS_5>::multiple(1);
            let before = passed.iter().sum::<u32>();
            for guess in 0..q {
                sum.tag = tag + Tiny::<BITS_5>::multiple(guess);
                passed[index(guess)] += u32::from(total_holds(&keys, &sum));
            }
            assert_eq!(
                passed.iter().sum::<u32>(),
                before + 1,
                "one guess for each key"
            );
        }
        // Twenty of each are expected; chi-square with ten degrees of freedom stays below 30 in
        // 999 of 1000 cases.
        let chi_square: u32 = passed.iter().map(|n| n.abs_diff(20).pow(2)).sum::<u32>() / 20;
        assert!(chi_square < 30, "{passed:?}");
    }
}

mod proofs {
    use super::*;

    /// Proves `Y = xG` and `D = xC` for `C = cG`, and verifies that.
    fn check<const P: u64>(x: u64, c: u64, r: u64) {
        let scalar = |k: u64| G::<P>::scalar_from_i64(signed(k));
        let a = G::<P>::generator();
        let b = G::<P>::mul_base(&scalar(x));
        let c = [Tiny::<P>::multiple(c)];
        let d = [G::<P>::mul(&c[0], &scalar(x))];
        let statement = DleqStatement::<Tiny<P>> {
            a: &a,
            b: &b,
            c: &c,
            d: &d,
            context: b"tiny",
        };
        let mut wide = [0; 24];
        wide[16..].copy_from_slice(&r.to_be_bytes());
        let nonce = ProofNonce::from_uniform_bytes(&wide);
        let proof = DleqProof::prove(&scalar(x), &statement, nonce);
        assert_eq!(proof.verify(&statement), Ok(()), "x {x}, r {r}");
    }

    #[test]
    fn every_key_proves() {
        let q = Tiny::<BITS_10>::Q;
        for x in 0..q {
            (0..16).for_each(|i| check::<BITS_10>(x, (x + i) % q, (x * 3 + i * 29) % q));
        }
    }

    #[test]
    fn every_nonce_proves() {
        (0..Tiny::<BITS_10>::Q).for_each(|r| check::<BITS_10>(77, 5, r));
    }

    #[test]
    #[ignore = "a minute: every key of the larger group"]
    fn every_key_of_the_larger_group_proves() {
        let q = Tiny::<BITS_20>::Q;
        (0..q).for_each(|x| check::<BITS_20>(x, (x * 5 + 1) % q, (x * x + 3) % q));
    }

    /// Of all `q²` pairs `(c, s)`, about one in `q` is accepted, whether the statement is true or
    /// not: in a group so small anybody finds a proof of anything, and in a large one nobody does.
    #[test]
    fn a_false_proof_passes_with_one_challenge_in_q() {
        let q = Tiny::<BITS_8>::Q;
        let multiple = Tiny::<BITS_8>::multiple;
        let (a, b, c) = (multiple(1), multiple(9), [multiple(4)]);
        let mut accepted = Vec::new();
        for d in [[multiple(36)], [multiple(37)]] {
            let statement = DleqStatement::<Tiny<BITS_8>> {
                a: &a,
                b: &b,
                c: &c,
                d: &d,
                context: b"",
            };
            let all = (0..q).flat_map(|c| (0..q).map(move |s| (c, s)));
            let holds = |(c, s): &(u64, u64)| {
                let proof = DleqProof::from_bytes(&c.to_be_bytes(), &s.to_be_bytes());
                proof.expect("two scalars").verify(&statement).is_ok()
            };
            accepted.push(all.filter(holds).count());
        }
        // 83 of 6889 are expected, give or take 9.
        assert!(
            accepted.iter().all(|count| (47..=119).contains(count)),
            "{accepted:?}"
        );
    }

    #[test]
    fn a_statement_verifies_for_its_amount_alone() {
        let q = Tiny::<BITS_8>::Q;
        let key: SecretKey<Tiny<BITS_8>> = key(60);
        for m in 0..q {
            let ciphertext = key.encrypt(signed(m), nonce(m + 1 + u64::from(m + 1 == q)));
            let d = key.decrypt_to_element(&ciphertext);
            let (number, count, scope) = (1, 2, Scope::Open);
            let (book, public_key) = (BookId([1; 32]), key.public_key());
            let header = Header {
                number,
                book,
                public_key,
                count,
                scope,
                ciphertext,
                d,
            };
            let mut rng = ChaCha20Rng::seed_from_u64(m);
            let proof = header.prove(&key, &Hedge::from_bytes(&[1; 32]), &mut rng);
            for other in 0..q {
                let expected = match other == m {
                    true => Ok(()),
                    false => Err(VerifyError::Amount),
                };
                assert_eq!(header.verify(signed(other), &proof), expected);
                assert_eq!(
                    bool::from(check_amount::<Tiny<BITS_8>>(signed(other), &d)),
                    other == m
                );
            }
        }
    }
}
