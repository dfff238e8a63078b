//! Secrets are wiped from memory when they are dropped: each is put in a place of its own and
//! dropped there, and then the bytes of that place are looked at.
//!
//! Only a look at memory after its value has gone shows this, so this test, alone in this package,
//! has `unsafe` in it. It is compiled with the optimisations of the core, which may remove a plain
//! write to memory that nobody reads again: a control does without wiping, and is found out.
//!
//! It sees the place of a value, not the copies that moving it may leave on the stack.

mod generic {
    pub mod places;
}

use core_nostd::{
    backup::{Quorum, Secret, Share},
    ciphersuite::{
        Ciphersuite, Ffdhe2048Sha512, Ffdhe3072Sha512, Ristretto255Sha512, ScalarBytes, WideBytes,
    },
    enrolment::{Grant, Join, Offer},
    group::{ByteArray, Group},
    ids::{BookId, WriterId},
    keys::{Hedge, Nonce, RootSeed, SecretKey},
    nid::Nid,
    pbkdf2::pbkdf2,
    proof::dleq::ProofNonce,
};
use generic::places::Traces;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

const SECRET: [u8; 32] = *b"thirty-two bytes nobody may find";

/// A value held so many bytes and leaves none of them.
fn check_wiped<T>(what: &str, value: T, len_min: usize) {
    check_wiped_but(0, what, value, len_min);
}

/// Like [`check_wiped`], with so many bytes that may stay because they are no secret.
fn check_wiped_but<T>(public: usize, what: &str, value: T, len_min: usize) {
    let traces = Traces::of(value);
    // One random byte in 256 is zero.
    let held = traces.before.iter().filter(|byte| **byte != 0).count();
    assert!(held >= len_min - len_min / 8, "{what} held {held} bytes");
    let left = traces.after.iter().filter(|byte| **byte != 0).count();
    assert!(left <= public, "{what}: {left} of {held} bytes are left");
}

#[test]
fn seeds_and_keys_are_wiped() {
    check_wiped("root seed", RootSeed::from_bytes(&SECRET), 32);
    check_wiped("hedge", Hedge::from_bytes(&SECRET), 32);
    let shared = RootSeed::from_bytes(&SECRET).shared_keys();
    check_wiped("the nine shared keys", shared, 9 * 32);
    check_wiped("stretched PIN", pbkdf2(b"123456", &[&SECRET], 1), 32);
}

#[test]
fn what_a_backup_is_made_of_is_wiped() {
    // A byte more is the length.
    let secret = Secret::from_bytes(&SECRET).expect("32 bytes");
    check_wiped("secret to be shared", secret, 33);
    let mut rng = ChaCha20Rng::from_seed(SECRET);
    let quorum = Quorum::new(16, 16).expect("a quorum");
    let mut split = RootSeed::from_bytes(&SECRET).split(quorum, &mut rng);
    let share = split.next().expect("the first of 16");
    let mut words = String::new();
    share.write_words(&mut words).expect("a string takes it");
    check_wiped("share", share, 33);
    check_wiped("share that was read", Share::from_words(&words).ok(), 33);
    // Identifier, quorum and count of shares are public.
    check_wiped_but(7, "polynomial", split, 16 * 33);
}

#[test]
fn what_an_enrolment_is_made_of_is_wiped() {
    let mut rng = ChaCha20Rng::from_seed(SECRET);
    let writer = WriterId([7; 16]);
    let offer = Offer::new(&mut rng);
    let join = Join::new(&mut rng, writer, offer.commitment());
    let point = join.point();
    // What travels is public: the half beside the secret one; identifier, commitment and code.
    check_wiped_but(32, "offer", Offer::new(&mut rng), 64);
    let another = Join::new(&mut rng, writer, offer.commitment());
    check_wiped_but(32 + 16 + 32, "join", another, 64);
    let (_, agreed) = offer.reveal(&writer, &point).expect("a point");
    check_wiped_but(4 + 16, "agreed key", agreed, 32);
    let seed = RootSeed::from_bytes(&SECRET);
    let grant = Grant::new([true; 3], &seed.writer_key(&writer), &seed.shared_keys());
    check_wiped("grant", grant, 10 * 32);
}

#[test]
fn national_ids_are_wiped() {
    let nid = Nid::normalise("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345").ok();
    check_wiped("national id", nid.expect("an id"), 33);
}

/// Everything secret that a suite has: keys, whether made here or elsewhere, nonces, scalars.
fn check_suite<S: Ciphersuite>() {
    let mut rng = ChaCha20Rng::from_seed(SECRET);
    let len = ScalarBytes::<S>::LEN;
    let mut wide = WideBytes::<S>::zeroed();
    wide.as_mut().fill(0xA5);
    let scalar = S::Group::encode_scalar(&S::Group::reduce(&wide));

    let seed = RootSeed::from_bytes(&SECRET);
    check_wiped("secret key", seed.secret_key::<S>(&BookId(SECRET)), len);
    let foreign = SecretKey::<S>::from_bytes(scalar.as_ref()).expect("a key");
    // The other byte says that it came from elsewhere.
    check_wiped_but(1, "key from elsewhere", foreign, len);
    check_wiped("nonce", Nonce::<S>::random(&mut rng), len);
    check_wiped("short scalar", S::Group::reduce_short(&wide), len);
    let nonce = ProofNonce::<S>::from_uniform_bytes(&wide);
    check_wiped("nonce of a proof", nonce, len);
}

#[test]
fn secrets_of_ristretto255_are_wiped() {
    check_suite::<Ristretto255Sha512>();
}

#[test]
fn secrets_of_ffdhe2048_are_wiped() {
    check_suite::<Ffdhe2048Sha512>();
}

#[test]
fn secrets_of_ffdhe3072_are_wiped() {
    check_suite::<Ffdhe3072Sha512>();
}

/// The control: what is not wiped is found whole, and so is what is wiped in part.
#[test]
fn what_is_not_wiped_is_found() {
    let traces = Traces::of(SECRET);
    assert_eq!(traces.before, SECRET);
    assert_eq!(traces.after, SECRET);

    let traces = Traces::of((RootSeed::from_bytes(&SECRET), SECRET));
    assert_eq!(traces.before, [SECRET, SECRET].concat());
    let (zeros, secret): (Vec<u8>, Vec<u8>) = traces.after.iter().partition(|byte| **byte == 0);
    assert_eq!((zeros.len(), secret), (32, SECRET.to_vec()));
}

#[test]
#[should_panic(expected = "32 of 32 bytes are left")]
fn the_check_fails_for_what_is_not_wiped() {
    check_wiped("an array", SECRET, 32);
}
