//! The other end of an enrolment, which has no flash and no power to lose: the treasury of a token
//! that becomes a writer, and the writer that a treasury enrols.

use core_nostd::{
    account::SealedNid,
    ciphersuite::SuiteId,
    enrolment::{Agreed, Grant, Join, Offer},
    ids::{BookId, Handle, WriterId},
    keys::RootSeed,
    nid::Nid,
    wire::{Request, Response, Rules},
};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

use crate::{
    campaign::model::{Command, NID, PINS, Who, elsewhere},
    ledger::S,
};

pub struct Office {
    dice: ChaCha8Rng,
    /// What the token has said of its enrolment.
    commitment: [u8; 32],
    point: [u8; 32],
    /// The identifier that a token which joins has drawn for itself.
    pub joining: WriterId,
    /// What this end keeps to itself.
    offer: Option<Offer>,
    join: Option<Join>,
    agreed: Option<Agreed>,
}

impl Office {
    pub fn new(seed: u64) -> Self {
        Self {
            dice: ChaCha8Rng::seed_from_u64(!seed),
            commitment: [0; 32],
            point: [0; 32],
            joining: WriterId([0; 16]),
            offer: None,
            join: None,
            agreed: None,
        }
    }

    /// Lets the token see the request for a step of its enrolment; nonsense if it is not its turn.
    pub fn ask<T>(&mut self, command: Command, token: impl FnOnce(&Request<'_>) -> T) -> T {
        match command {
            Command::EnrolOffer => token(&Request::EnrolOffer),
            Command::EnrolJoin => {
                let offer = Offer::new(&mut self.dice);
                let commitment = offer.commitment();
                self.offer = Some(offer);
                token(&Request::EnrolJoin { commitment })
            }
            Command::EnrolReveal(number) => {
                let writer = elsewhere(number);
                let join = Join::new(&mut self.dice, writer, self.commitment);
                let point = join.point();
                self.join = Some(join);
                token(&Request::EnrolReveal { writer, point })
            }
            Command::EnrolConfirm => {
                let offer = self.offer.take();
                let met = offer.map(|offer| offer.reveal(&self.joining, &self.point));
                let point = match met {
                    Some(Ok((point, agreed))) => {
                        self.agreed = Some(agreed);
                        point
                    }
                    _ => [0; 32],
                };
                token(&Request::EnrolConfirm { point })
            }
            Command::EnrolGrant(number) => {
                let name = Who::Elsewhere(number).name();
                token(&Request::EnrolGrant { name })
            }
            Command::EnrolFinish => {
                let (seed, agreed) = (seed(), self.agreed.take());
                let key = seed.writer_key(&self.joining);
                let grant = Grant::new([false; 3], &key, &seed.shared_keys());
                let sealed = agreed.map_or(vec![], |agreed| agreed.seal(&grant).to_vec());
                token(&Request::EnrolFinish {
                    pin: PINS[0],
                    sealed: &sealed,
                })
            }
            other => panic!("{other:?} is no step of an enrolment"),
        }
    }

    /// Takes what the token says of its enrolment: to a grant, the keys in it.
    pub fn hear(&mut self, response: &Response<'_>) -> Option<Vec<u8>> {
        match response {
            Response::EnrolOffer { commitment } => self.commitment = *commitment,
            Response::EnrolJoin { writer, point } => (self.joining, self.point) = (*writer, *point),
            Response::EnrolReveal { point } => {
                let join = self.join.take().expect("it was asked for");
                self.agreed = join.confirm(point).ok();
                assert!(self.agreed.is_some(), "that is what it was committed to");
            }
            Response::EnrolGrant { sealed } => {
                let agreed = self.agreed.as_ref().expect("it was asked for");
                let grant = agreed.open(sealed).expect("sealed for this writer");
                return Some(grant.expose_keys().to_vec());
            }
            _ => {}
        }
        None
    }
}

/// Lets a writer see the request to take a book from its treasury.
pub fn give_book<T>(
    rules: Rules<'_>,
    writer: &WriterId,
    token: impl FnOnce(&Request<'_>) -> T,
) -> T {
    let book = rules.check().expect("good rules").id();
    let public_key = public_key(&book);
    let mac = seed().writer_key(writer).grant_mac(&book, &public_key);
    token(&Request::TakeBook {
        rules,
        public_key,
        mac,
    })
}

/// The public key of a book that a writer was given.
pub fn public_key(book: &BookId) -> [u8; 32] {
    seed().secret_key::<S>(book).public_key().to_bytes()
}

/// The handle of [`NID`] in a book that a writer was given, and its sealed box.
pub fn handle(book: &BookId) -> (Handle, SealedNid) {
    let (suite, shared) = (SuiteId::Ristretto255, seed().shared_keys());
    let nid = Nid::normalise(NID).expect("a good one");
    let handle = shared.handle(suite, book, &nid);
    (handle, shared.seal_nid(suite, book, &handle, &nid))
}

/// The seed of every treasury at this end.
fn seed() -> RootSeed {
    RootSeed::from_bytes(&[0x5e; 32])
}
