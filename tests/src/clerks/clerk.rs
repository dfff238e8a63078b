//! One clerk: the honest host of one token, which gives up nothing.

use std::collections::BTreeMap;

use core_nostd::{
    ids::Handle,
    tag::Cut,
    wire::{Posting, TokenError},
};
use host_api::{self as api, Outcome};
use token_client::{Client, ClientError, Port, Posted};

use super::Shift;
use crate::{
    api::{Answered, Api},
    desk::documents,
    seed::{ChaCha20Rng, Rng, SeedableRng, below},
};

/// Amounts are so many, from −1000 on.
const AMOUNTS: u32 = 2500;

/// A clerk.
pub struct Clerk<'a> {
    shift: &'a Shift,
    index: usize,
    pin: &'static str,
    token: Option<Client<Port>>,
    rng: ChaCha20Rng,
    next_seq: u64,
    last: BTreeMap<Handle, u64>,
    balances: BTreeMap<Handle, i64>,
}

impl<'a> Clerk<'a> {
    /// The clerk whose token is the `index`-th, with an empty chain.
    #[must_use]
    pub fn new(shift: &'a Shift, index: usize, pin: &'static str, rng: &mut ChaCha20Rng) -> Self {
        Self {
            shift,
            index,
            pin,
            token: None,
            rng: ChaCha20Rng::seed_from_u64(rng.next_u64()),
            next_seq: 0,
            last: BTreeMap::new(),
            balances: BTreeMap::new(),
        }
    }

    /// Posts until the shift [ends](Shift::close), then until the whole chain can be cut. Gives
    /// the sum of what it posted to each account.
    ///
    /// # Panics
    /// If token or server answer what they must not.
    #[must_use]
    pub fn work(mut self) -> BTreeMap<Handle, i64> {
        let _alarm = self.shift.alarm();
        while !self.shift.is_over() {
            let most = self.on_token(|token| Ok(usize::from(token.info().batch_len_max)));
            let len = match below(&mut self.rng, 2) {
                0 => 1,
                _ => 2 + below(&mut self.rng, most - 1),
            };
            self.post(len);
        }
        let book = self.shift.book;
        loop {
            let cut = self.on_token(|token| match token.cut(book) {
                Ok(cut) => Ok(Some(cut)),
                Err(ClientError::Token(TokenError::TooFewEntries { .. })) => Ok(None),
                Err(error) => Err(error),
            });
            if let Some(cut) = cut {
                self.publish(cut.writer.to_string(), cut.cut);
                if cut.cut.position == self.next_seq {
                    return self.balances;
                }
            }
            self.post(1);
        }
    }

    /// Posts so many amounts at once.
    fn post(&mut self, len: usize) {
        let (accounts, first) = (self.shift.accounts.clone(), self.next_seq);
        let mut postings = Vec::new();
        let before = self.last.clone();
        for seq in (first..).take(len) {
            let account = accounts[below(&mut self.rng, accounts.len())];
            let minor = i64::from(self.rng.next_u32() % AMOUNTS) - 1000;
            *self.balances.entry(account).or_default() += minor;
            self.last.insert(account, seq);
            // Within a batch the token makes the links.
            let prev = before.get(&account).copied();
            postings.push(Posting {
                account,
                prev,
                minor,
            });
        }
        let place = self.next_place(postings[0].account);
        assert_eq!((place.next_seq, place.prev), (first, postings[0].prev));
        let posted = self.sign(&postings);
        assert_eq!((posted.first_seq, posted.entries.len()), (first, len));
        self.next_seq += len as u64;
        self.deliver(&posted);
        if let Some(cut) = posted.cut {
            self.publish(posted.writer.to_string(), cut);
        }
        let figures = &mut self.shift.lock().figures;
        *(if len == 1 {
            &mut figures.singles
        } else {
            &mut figures.batches
        }) += 1;
    }

    /// Where the next entry goes, as the server says.
    fn next_place(&mut self, account: Handle) -> api::NextPlace {
        let writer = self.on_token(|token| Ok(token.info().writer));
        let writer = writer.expect("the token has keys");
        let path = format!("accounts/{account}?writer={writer}");
        let path = format!("/v1/books/{}/{path}", self.shift.book);
        let text = self.ask(|api| api.try_get(&path)).0;
        let account: api::Account = serde_json::from_str(&text).expect("an account");
        account.next.expect("a writer was asked about")
    }

    /// Lets the token sign. A token that died is asked again, and has signed this or nothing.
    fn sign(&mut self, postings: &[Posting]) -> Posted {
        let (book, first) = (self.shift.book, self.next_seq);
        let (shift, index) = (self.shift, self.index);
        let mut died = false;
        let (posted, signed_before) = self.on_token(|token| {
            shift.lock().signings[index] += 1;
            shift.changed.notify_all();
            let mut before = None;
            if std::mem::replace(&mut died, true) {
                before = match token.last_entry(book) {
                    Ok(posted) => Some(posted).filter(|posted| posted.first_seq == first),
                    Err(ClientError::Token(TokenError::NothingStored)) => None,
                    Err(error) => return Err(error),
                };
            }
            let posted = match postings {
                [posting] => token.post(book, first, *posting),
                _ => token.post_batch(book, first, postings),
            }?;
            if let Some(before) = &before {
                assert_eq!(*before, posted, "what is signed is signed");
            }
            Ok((posted, before.is_some()))
        });
        self.shift.lock().figures.signed_unanswered += usize::from(signed_before);
        posted
    }

    /// Brings signed entries to the server until it has acknowledged all.
    fn deliver(&mut self, posted: &Posted) {
        let entries = documents(posted);
        let place = |entry: &api::Entry| (entry.writer.clone(), entry.seq);
        let signed = entries.iter().map(|entry| (place(entry), entry.clone()));
        self.shift.lock().signed.extend(signed);
        let path = format!("/v1/books/{}/entries", self.shift.book);
        let body = api::AppendEntries { entries };
        let (text, repeated) = self.ask(|api| api.try_post(&path, &[], &body));
        let answer: api::Appended = serde_json::from_str(&text).expect("outcomes");
        let told = answer
            .entries
            .iter()
            .map(|told| (told.writer.clone(), told.seq));
        let sent = body.entries.iter().map(place);
        assert!(told.eq(sent), "{answer:?}");
        let mut state = self.shift.lock();
        for told in &answer.entries {
            match told.outcome {
                Outcome::Stored if repeated => state.figures.lost_unanswered += 1,
                Outcome::Stored => {}
                Outcome::Already if repeated => state.figures.stored_unanswered += 1,
                outcome => panic!("{outcome:?} for {told:?}"),
            }
        }
        state
            .acknowledged
            .extend(body.entries.iter().map(|entry| (place(entry), ())));
    }

    /// Brings a cut to the server.
    fn publish(&mut self, writer: String, cut: Cut) {
        let body = api::Cut {
            writer,
            position: cut.position,
            mac: Some(cut.mac.to_vec().into()),
        };
        let path = format!("/v1/books/{}/cuts", self.shift.book);
        self.ask(|api| api.try_post(&path, &[], &body));
    }

    /// Asks the server until it answers. Says also whether it had to be asked more than once.
    fn ask(&self, request: impl Fn(&Api) -> Answered<String>) -> (String, bool) {
        let (answer, repeated) = self.shift.ask(request);
        (
            answer.unwrap_or_else(|refused| panic!("{refused:?}")),
            repeated,
        )
    }

    /// Asks the token until it answers.
    fn on_token<T>(
        &mut self,
        mut talk: impl FnMut(&mut Client<Port>) -> Result<T, ClientError>,
    ) -> T {
        loop {
            let begun = self.shift.clock.read();
            let outcome = match &mut self.token {
                Some(token) => talk(token),
                None => self
                    .connect()
                    .and_then(|token| talk(self.token.insert(token))),
            };
            match outcome {
                Ok(answer) => return answer,
                Err(ClientError::Token(error)) => panic!("the token refuses: {error}"),
                Err(_) => {
                    self.token = None;
                    self.shift.ended(begun, false).figures.token_unanswered += 1;
                }
            }
        }
    }

    fn connect(&self) -> Result<Client<Port>, ClientError> {
        let state = self.shift.wait(|state| state.tokens[self.index].is_some());
        let address = state.tokens[self.index].clone().expect("it is up");
        drop(state);
        let mut token = Client::connect(&address)?;
        token.unlock(self.pin)?;
        Ok(token)
    }
}
