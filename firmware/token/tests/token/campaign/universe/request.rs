//! The requests of a host that has the model's idea of the token.

use std::sync::OnceLock;

use core_nostd::{
    ids::BookId,
    wire::{Policy, Posting, Request, Response},
};

use super::{
    Topic, Universe,
    names::{ACCOUNT_LEN, account, minor, name, rules},
    office,
};
use crate::{
    bench::{Bench, EVERYTHING, Reply, frame, provision},
    campaign::model::{Command, Kind, NID, PINS, Who},
};

/// The closings of a revoked writer of which the first four entries in the first book count.
const FIRST_FOUR: &[u8] = &[0, 4];

impl<const KIB: u32, const PAGE: usize> Universe<KIB, PAGE> {
    /// Asks the token.
    pub(super) fn send(&mut self, command: Command) -> Reply {
        match command {
            Command::Hello => {
                let hello = frame(&self.bench.new_session(), &Request::Hello);
                self.bench.serve(&[hello]).pop().expect("hello is answered")
            }
            Command::CreateBook(kind) => self.create(kind),
            Command::TakeBook(place) => {
                let (name, writer) = (name(place), self.writer());
                let rules = rules(Kind::Authenticated, &name);
                office::give_book(rules, &writer, |request| self.bench.call(request))
            }
            Command::ReleaseTotal(place) => self.release_total(place),
            Command::ReleaseBalance(place) => self.release_balance(place),
            Command::ReleaseOpen(place) => self.release_open(place),
            Command::RevealNid(place) => self.reveal_nid(place),
            Command::EnrolOffer | Command::EnrolJoin => {
                let Self { bench, office, .. } = self;
                office.ask(command, |request| bench.call(request))
            }
            _ if command.goes_on() => {
                let Self { bench, office, .. } = self;
                office.ask(command, |request| bench.go_on(request))
            }
            _ => {
                let request = self.request(command);
                self.bench.call(&request)
            }
        }
    }

    /// The request for a command that borrows nothing.
    pub(super) fn request(&self, command: Command) -> Request<'static> {
        let index = |place| u8::try_from(place).expect("few books");
        let model = &self.possible[0];
        let pin = model.keys.as_ref().map_or("", |keys| keys.pin);
        match command {
            Command::Status => Request::Status,
            Command::Provision => provision(PINS[0]),
            Command::Restore => Request::Restore {
                pin: PINS[0],
                policy: EVERYTHING,
                shares: shares(),
            },
            Command::Backup => Request::Backup {
                threshold: 1,
                shares: 1,
            },
            Command::SetPolicy(open_sums) => Request::SetPolicy {
                policy: Policy {
                    open_sums,
                    ..EVERYTHING
                },
            },
            Command::NewWriter => Request::NewWriter,
            Command::Unlock(pin) => Request::Unlock { pin },
            Command::ChangePin(new) => Request::ChangePin { old: pin, new },
            Command::Wipe => Request::Wipe,
            Command::AuditLog => Request::AuditLog { from: 0 },
            Command::Acknowledge(count) => self.acknowledgement(model.log.read + count as u64),
            Command::AcknowledgeAgain(back) => self.acknowledgement(model.log.read - back),
            Command::GrantBook(place, listed) => Request::GrantBook {
                book: self.id(place),
                writer: self.writer_id(model.list()[listed].who),
            },
            Command::AdmitWriter(number) => {
                let who = Who::Elsewhere(number);
                Request::AdmitWriter {
                    writer: self.writer_id(who),
                    name: who.name(),
                }
            }
            Command::RevokeWriter(place, counts) => Request::RevokeWriter {
                writer: self.writer_id(model.list()[place].who),
                closings: match counts && !model.books().is_empty() {
                    true => FIRST_FOUR,
                    false => &[],
                },
            },
            Command::Writer(place) => Request::Writer {
                index: index(place),
            },
            Command::Book(place) => Request::Book {
                index: index(place),
            },
            Command::LastStatement => Request::LastStatement,
            _ => self.request_for_book(command, self.id(command.place())),
        }
    }

    fn request_for_book(&self, command: Command, book: BookId) -> Request<'static> {
        match command {
            Command::LastEntry(_) => Request::LastEntry { book },
            Command::PublicKey(_) => Request::PublicKey { book },
            Command::Handle(_) => Request::Handle { book, nid: NID },
            Command::Cut(_) => Request::Cut { book },
            Command::Post(place, count) => {
                let first = self.model().books()[place].next_seq;
                posting(book, first, count)
            }
            Command::PostAgain(place) => {
                let last = &self.model().books()[place];
                posting(book, last.first(), last.replied)
            }
            other => panic!("{other:?} is sent in a way of its own"),
        }
    }

    fn acknowledgement(&self, through: u64) -> Request<'static> {
        let hash = self.said.get(&Topic::Chain { number: through });
        let hash = hash.expect("it was read").try_into().expect("32 bytes");
        Request::AuditAcknowledge { through, hash }
    }

    fn create(&mut self, kind: Kind) -> Reply {
        let place = self.model().books().len();
        let name = name(place);
        let rules = rules(kind, &name);
        let mut x = [1; 32];
        x[0] += u8::try_from(place).expect("few books");
        self.bench.call(&match kind {
            Kind::Imported => Request::ImportBook { rules, x: &x[..] },
            _ => Request::CreateBook { rules },
        })
    }
}

fn posting(book: BookId, first: u64, count: u64) -> Request<'static> {
    let posting = |seq: u64| Posting {
        account: account(seq),
        prev: (!seq.is_multiple_of(ACCOUNT_LEN) && seq == first).then(|| seq - 1),
        minor: minor(seq),
    };
    match count {
        1 => Request::Post {
            book,
            expected_seq: first,
            posting: posting(first),
        },
        _ => Request::PostBatch {
            book,
            expected_seq: first,
            postings: (first..first + count).map(posting).collect(),
        },
    }
}

/// The one share that brings a seed back.
fn shares() -> &'static [u8] {
    static SHARES: OnceLock<Vec<u8>> = OnceLock::new();
    SHARES.get_or_init(|| {
        let mut bench = Bench::<128>::new();
        bench.reboot_into(true);
        bench.done(&provision(PINS[0]));
        let (threshold, shares) = (1, 1);
        match bench
            .call(&Request::Backup { threshold, shares })
            .response()
        {
            Response::Shares(shares) => shares.to_vec(),
            other => panic!("{other:?}"),
        }
    })
}
