//! Enrolment through hosts that lie: what two tokens agree on, and what a relay between them can't
//! bring about.

use core_nostd::{
    ciphersuite::{Ciphersuite, Ristretto255Sha512},
    enrolment::{self, Agreed, CODES, ExchangeError, Grant, Join, Offer, Point, SEALED_LEN},
    error::DecodeError,
    group::Group,
    ids::{BookId, WriterId},
    keys::{RootSeed, SharedKeys},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

const WRITER: WriterId = WriterId([7; 16]);
const IDENTITY: Point = [0; 32];

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn grant(writer: &WriterId) -> Grant {
    let seed = RootSeed::from_bytes(&[3; 32]);
    Grant::new([false; 3], &seed.writer_key(writer), &seed.shared_keys())
}

/// An exchange through an honest relay: the treasury's and the writer's end.
fn exchange(seeds: [u8; 2]) -> (Agreed, Agreed) {
    let [treasury, writer] = seeds;
    let offer = Offer::new(&mut rng(treasury));
    let join = Join::new(&mut rng(writer), WRITER, offer.commitment());
    let (point, treasurys) = offer.reveal(&WRITER, &join.point()).expect("a point");
    let writers = join.confirm(&point).expect("as committed");
    (treasurys, writers)
}

#[test]
fn both_sides_see_one_code_and_the_grant_arrives() {
    for seed in 0..20 {
        let (treasury, writer) = exchange([seed, seed + 100]);
        assert_eq!(treasury.code(), writer.code());
        assert!(treasury.code() < CODES);
        assert_eq!((treasury.writer(), writer.writer()), (WRITER, WRITER));
        let sealed = treasury.seal(&grant(&WRITER));
        assert_eq!(sealed, treasury.seal(&grant(&WRITER)), "an answer lost");
        let opened = writer.open(&sealed).expect("the grant");
        assert_eq!(opened.may_open(), [false; 3]);
        // The keys are those of the seed, as a sealed store holds them.
        let (key, shared) = opened.expose_keys().split_at(32);
        let seed = RootSeed::from_bytes(&[3; 32]);
        assert_eq!(key, seed.writer_key(&WRITER).expose_bytes());
        let mut expected = [0; 9 * 32];
        seed.shared_keys().expose_into(&mut expected);
        assert_eq!(shared, expected);
        let again = SharedKeys::from_bytes(shared.try_into().expect("nine keys"));
        let mut written = [0; 9 * 32];
        again.expose_into(&mut written);
        assert_eq!(written, expected);
    }
}

#[test]
fn a_grant_says_what_may_be_opened() {
    let seed = RootSeed::from_bytes(&[3; 32]);
    let (treasury, writer) = exchange([1, 2]);
    for bits in 0..8_u8 {
        let may_open = [0, 1, 2].map(|i| bits >> i & 1 == 1);
        let grant = Grant::new(may_open, &seed.writer_key(&WRITER), &seed.shared_keys());
        let opened = writer.open(&treasury.seal(&grant)).expect("the grant");
        assert_eq!(opened.may_open(), may_open);
    }
}

#[test]
fn codes_differ_from_exchange_to_exchange() {
    let mut codes: Vec<u32> = (0..200)
        .map(|seed| exchange([seed, 255]).0.code())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    assert!(codes.len() >= 199, "{} codes", codes.len());
    // All of the range is used.
    assert!(codes[0] < CODES / 10 && codes[codes.len() - 1] > CODES / 10 * 9);
}

/// Somebody between the tokens, with an exchange of his own on each side.
#[test]
fn a_relay_in_the_middle_shows_in_the_codes() {
    let mut agreeing = 0;
    for seed in 0..50 {
        let offer = Offer::new(&mut rng(seed));
        let relays_offer = Offer::new(&mut rng(seed + 50));
        let join = Join::new(&mut rng(seed + 100), WRITER, relays_offer.commitment());
        let relays_join = Join::new(&mut rng(seed + 150), WRITER, offer.commitment());

        let (a, treasury) = offer
            .reveal(&WRITER, &relays_join.point())
            .expect("a point");
        let (relays_a, _) = relays_offer
            .reveal(&WRITER, &join.point())
            .expect("a point");
        assert!(relays_join.confirm(&a).is_ok(), "he is a writer like any");
        let writer = join.confirm(&relays_a).expect("he is a treasury like any");
        agreeing += u32::from(treasury.code() == writer.code());
        let sealed = treasury.seal(&grant(&WRITER));
        assert!(writer.open(&sealed).is_none(), "it was not for this one");
    }
    assert_eq!(agreeing, 0, "one in a million by chance");
}

#[test]
fn a_half_that_was_not_committed_to_ends_the_exchange() {
    let offer = Offer::new(&mut rng(1));
    let join = Join::new(&mut rng(2), WRITER, offer.commitment());
    let (other, _) = Offer::new(&mut rng(3))
        .reveal(&WRITER, &join.point())
        .expect("a point");
    assert_eq!(join.confirm(&other).err(), Some(ExchangeError::Commitment));
}

#[test]
fn the_identity_and_what_is_no_point_are_refused_on_both_sides() {
    let bad = [
        (IDENTITY, DecodeError::Identity),
        ([0xff; 32], DecodeError::NonCanonical),
    ];
    for (point, error) in bad {
        let refused = Offer::new(&mut rng(1)).reveal(&WRITER, &point).err();
        assert_eq!(refused, Some(ExchangeError::Point(error)));
        // A treasury that lies from the start commits to such a half.
        let join = Join::new(&mut rng(2), WRITER, committed_to(&point));
        let refused = join.confirm(&point).err();
        assert_eq!(refused, Some(ExchangeError::Point(error)));
    }
}

/// The commitment to a half, by its formula.
fn committed_to(point: &Point) -> [u8; 32] {
    use sha2::{Digest, Sha512};
    let mut hash = Sha512::new();
    for part in [b"enrol-commit".as_slice(), point] {
        hash.update([2]);
        hash.update(u32::try_from(part.len()).expect("short").to_be_bytes());
        hash.update(part);
    }
    hash.finalize()[..32].try_into().expect("32 of 64 bytes")
}

#[test]
fn commitment_and_code_are_what_the_formulas_say() {
    use sha2::{Digest, Sha512};
    let offer = Offer::new(&mut rng(1));
    let commitment = offer.commitment();
    let join = Join::new(&mut rng(2), WRITER, commitment);
    let b = join.point();
    let (a, agreed) = offer.reveal(&WRITER, &b).expect("a point");
    assert_eq!(commitment, committed_to(&a));
    let mut hash = Sha512::new();
    for part in [b"enrol".as_slice(), &commitment, &a, &b, &WRITER.0] {
        hash.update([2]);
        hash.update(u32::try_from(part.len()).expect("short").to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let number = u64::from_be_bytes(digest[..8].try_into().expect("8 of 64 bytes"));
    assert_eq!(u64::from(agreed.code()), number % 1_000_000);
    assert_eq!(enrolment::code(&commitment, &a, &b, &WRITER), agreed.code());
}

#[test]
fn another_writer_identifier_makes_another_code_and_key() {
    let offer = Offer::new(&mut rng(1));
    let join = Join::new(&mut rng(2), WRITER, offer.commitment());
    let other = WriterId([8; 16]);
    let (a, treasury) = offer.reveal(&other, &join.point()).expect("a point");
    let writer = join.confirm(&a).expect("as committed");
    assert_ne!(treasury.code(), writer.code());
    assert!(writer.open(&treasury.seal(&grant(&other))).is_none());
}

#[test]
fn a_byte_changed_anywhere_in_the_grant_is_noticed() {
    let (treasury, writer) = exchange([1, 2]);
    let sealed = treasury.seal(&grant(&WRITER));
    for i in 0..SEALED_LEN {
        let mut other = sealed;
        other[i] ^= 1;
        assert!(writer.open(&other).is_none(), "byte {i}");
    }
    for len in 0..SEALED_LEN {
        assert!(writer.open(&sealed[..len]).is_none(), "{len} bytes");
    }
    assert!(writer.open(&[&sealed[..], &[0]].concat()).is_none());
    assert!(writer.open(&sealed).is_some());
}

#[test]
fn nothing_of_an_earlier_exchange_can_be_played_again() {
    let (treasury, _) = exchange([1, 2]);
    let sealed = treasury.seal(&grant(&WRITER));
    // The writer draws anew, and so does the treasury.
    for seeds in [[1, 4], [3, 2], [3, 4]] {
        assert!(exchange(seeds).1.open(&sealed).is_none(), "{seeds:?}");
    }
}

#[test]
fn a_book_is_granted_by_the_treasury_of_this_writer_alone() {
    type G = <Ristretto255Sha512 as Ciphersuite>::Group;
    let seed = RootSeed::from_bytes(&[3; 32]);
    let (book, y) = (BookId([5; 32]), G::encode(&G::mul_base_i64(5)));
    let key = seed.writer_key(&WRITER);
    let mac = key.grant_mac(&book, &y);
    assert!(key.is_granted(&book, &y, &mac));

    assert!(!key.is_granted(&BookId([6; 32]), &y, &mac));
    assert!(!key.is_granted(&book, &G::encode(&G::mul_base_i64(6)), &mac));
    for i in 0..32 {
        let mut other = mac;
        other[i] ^= 0x80;
        assert!(!key.is_granted(&book, &y, &other), "byte {i}");
    }
    let others = [
        seed.writer_key(&WriterId([8; 16])),
        RootSeed::from_bytes(&[4; 32]).writer_key(&WRITER),
    ];
    for other in others {
        assert!(!other.is_granted(&book, &y, &mac));
    }
}
