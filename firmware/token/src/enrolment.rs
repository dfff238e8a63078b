//! Enrolment of writers: six steps between two tokens, and the books that follow.
//!
//! ```text
//! treasury                                  writer, empty so far
//! EnrolOffer   press; draws A  ──────────→  EnrolJoin     draws B and its identifier
//! EnrolReveal  takes B, shows A ─────────→  EnrolConfirm  checks A, shows the code, press
//! EnrolGrant   shows the code, press, lists the writer, seals its keys
//!                              ──────────→  EnrolFinish   becomes the writer, under a PIN
//! GrantBook    vouches for a book ───────→  TakeBook      at once or any time later
//! ```
//!
//! The cryptography, and why a host in between gains nothing, is in [`core_nostd::enrolment`]. What
//! it asks of a token is that each draw costs something: a press at the treasury, and at the writer
//! one of [`JOINS_MAX`] until its power is cut.
//!
//! One enrolment is under way at a time, in memory alone. A step that is not the next, a new
//! session, `Lock` and a loss of power end it; so does any refusal of a step, but for a PIN or a
//! name that can't be one. An answer to `EnrolGrant` that was lost may be asked for again, with
//! another press: it is the same. Where that comes too late the treasury lists a writer that never
//! got its keys; it can be revoked, and such a place is used again when the list is full.

use core_nostd::{
    book::BookKind,
    ciphersuite::Ristretto255Sha512,
    enrolment::{Agreed, Grant, Join, Offer},
    ids::{BookId, WriterId},
    keys::PublicKey,
    wire::{AuditEvent, Policy, Response, Role, Rules, SessionNonce, Standing, TokenError},
};

use crate::{
    books::keep,
    engine::Engine,
    platform::{Platform, Prompt},
    serial::Line,
    vault::{Identity, Pin, new_writer},
    writers::Name,
};

/// The suite of authenticated books.
type S = Ristretto255Sha512;

/// How often an empty token answers an offer until its power is cut: each answer is a guess at the
/// code that a host in between gets for nothing.
pub(crate) const JOINS_MAX: u8 = 8;

/// The enrolment that is under way.
pub(crate) struct Enrolment {
    step: Step,
    session: SessionNonce,
    joins: u8,
}

/// How far it has come. Its secrets are wiped when it is dropped.
#[derive(Default)]
enum Step {
    #[default]
    None,
    /// Treasury: has committed itself.
    Offered(Offer),
    /// Treasury: may grant.
    Met(Agreed),
    /// Empty token: has answered.
    Joined(Join),
    /// Empty token: a person has compared the codes.
    Confirmed(Agreed),
}

impl Enrolment {
    pub(crate) const fn new() -> Self {
        Self {
            step: Step::None,
            session: [0; 8],
            joins: 0,
        }
    }

    /// A session begins, or is greeted again.
    pub(crate) fn greet(&mut self, session: SessionNonce) {
        if self.session != session {
            self.session = session;
            self.end();
        }
    }

    /// Ends what is under way.
    pub(crate) fn end(&mut self) {
        self.step = Step::None;
    }

    fn take(&mut self) -> Step {
        core::mem::take(&mut self.step)
    }
}

impl<P: Platform> Engine<P> {
    /// Treasury: begins an enrolment, with presence.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`], [`TokenError::CeremonyRequired`],
    /// [`TokenError::TooManyWriters`], those of presence, entropy and storage.
    #[inline(never)]
    pub(crate) fn enrol_offer(
        &mut self,
        line: &mut Line<P::Serial>,
        body: &mut [u8],
    ) -> Result<Response<'static>, TokenError> {
        self.enrolment.end();
        self.vault.treasury()?;
        self.must_be_ceremony()?;
        self.place_for_writer(None, body)?;
        self.confirm(line, &Prompt::OfferEnrolment)?;
        self.take_consent()?;
        let offer = Offer::new(&mut self.rng()?);
        let commitment = offer.commitment();
        self.enrolment.step = Step::Offered(offer);
        Ok(Response::EnrolOffer { commitment })
    }

    /// Empty token: answers an offer.
    ///
    /// # Errors
    /// [`TokenError::AlreadyProvisioned`], [`TokenError::CeremonyRequired`],
    /// [`TokenError::EnrolmentFailed`] after [`JOINS_MAX`] answers, those of entropy.
    #[inline(never)]
    pub(crate) fn enrol_join(
        &mut self,
        commitment: &[u8; 32],
    ) -> Result<Response<'static>, TokenError> {
        self.enrolment.end();
        self.must_be_joining()?;
        if self.enrolment.joins >= JOINS_MAX {
            return Err(TokenError::EnrolmentFailed);
        }
        let mut rng = self.rng()?;
        self.enrolment.joins += 1;
        let writer = new_writer(&mut rng);
        let join = Join::new(&mut rng, writer, *commitment);
        let point = join.point();
        self.enrolment.step = Step::Joined(join);
        Ok(Response::EnrolJoin { writer, point })
    }

    /// Treasury: takes the answer.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`], [`TokenError::CeremonyRequired`],
    /// [`TokenError::EnrolmentFailed`], also if `point` is no element or the identity;
    /// [`TokenError::WriterExists`], those of storage.
    #[inline(never)]
    pub(crate) fn enrol_reveal(
        &mut self,
        writer: &WriterId,
        point: &[u8; 32],
        body: &mut [u8],
    ) -> Result<Response<'static>, TokenError> {
        let step = self.enrolment.take();
        self.vault.treasury()?;
        self.must_be_ceremony()?;
        let Step::Offered(offer) = step else {
            return Err(TokenError::EnrolmentFailed);
        };
        self.must_be_new_writer(writer, body)?;
        let met = offer.reveal(writer, point);
        let (point, agreed) = met.map_err(|_| TokenError::EnrolmentFailed)?;
        self.enrolment.step = Step::Met(agreed);
        Ok(Response::EnrolReveal { point })
    }

    /// Empty token: takes the treasury's half and shows the code.
    ///
    /// # Errors
    /// [`TokenError::AlreadyProvisioned`], [`TokenError::CeremonyRequired`],
    /// [`TokenError::EnrolmentFailed`], also if `point` is not what was committed to; those of
    /// presence.
    #[inline(never)]
    pub(crate) fn enrol_confirm(
        &mut self,
        line: &mut Line<P::Serial>,
        point: &[u8; 32],
    ) -> Result<(), TokenError> {
        let step = self.enrolment.take();
        self.must_be_joining()?;
        let Step::Joined(join) = step else {
            return Err(TokenError::EnrolmentFailed);
        };
        let agreed = join.confirm(point);
        let agreed = agreed.map_err(|_| TokenError::EnrolmentFailed)?;
        let code = agreed.code();
        self.confirm(line, &Prompt::Join { code })?;
        self.take_consent()?;
        self.enrolment.step = Step::Confirmed(agreed);
        Ok(())
    }

    /// Treasury: shows the code, lists the writer, then seals what it is granted.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`], [`TokenError::CeremonyRequired`],
    /// [`TokenError::EnrolmentFailed`], those of presence and storage,
    /// [`TokenError::WriterExists`] if the writer was revoked meanwhile.
    #[inline(never)]
    pub(crate) fn enrol_grant<'b>(
        &mut self,
        line: &mut Line<P::Serial>,
        name: &Name,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let step = self.enrolment.take();
        self.vault.treasury()?;
        self.must_be_ceremony()?;
        let Step::Met(agreed) = step else {
            return Err(TokenError::EnrolmentFailed);
        };
        let (code, writer) = (agreed.code(), agreed.writer());
        self.confirm(line, &Prompt::Enrol { code, name })?;
        self.take_consent()?;
        match self.active(&writer, body) {
            Ok(_) => {}
            Err(TokenError::UnknownWriter) => {
                self.record(&AuditEvent::WriterEnrolled { writer }, body)?;
                self.list_writer(&writer, name, Standing::Active, body)?;
            }
            Err(error) => return Err(error),
        }
        let (_, secrets) = self.vault.treasury()?;
        let key = secrets.seed()?.writer_key(&writer);
        let sealed = agreed.seal(&Grant::new([false; 3], &key, &secrets.shared));
        self.enrolment.step = Step::Met(agreed);
        let sealed = keep(&[&sealed], body)?;
        Ok(Response::EnrolGrant { sealed })
    }

    /// Empty token: becomes the writer.
    ///
    /// # Errors
    /// [`TokenError::AlreadyProvisioned`], [`TokenError::CeremonyRequired`],
    /// [`TokenError::EnrolmentFailed`], also if `sealed` is not from the treasury whose code was
    /// shown; those of entropy and storage.
    #[inline(never)]
    pub(crate) fn enrol_finish(
        &mut self,
        pin: &Pin,
        sealed: &[u8],
        work: &mut [u8],
    ) -> Result<(), TokenError> {
        let step = self.enrolment.take();
        self.must_be_joining()?;
        let Step::Confirmed(agreed) = step else {
            return Err(TokenError::EnrolmentFailed);
        };
        let grant = agreed.open(sealed).ok_or(TokenError::EnrolmentFailed)?;
        let [totals, balances, open_sums] = grant.may_open();
        let identity = Identity {
            writer: agreed.writer(),
            role: Role::Writer,
            generation: 0,
            policy: Policy {
                totals,
                balances,
                open_sums,
            },
        };
        let mut rng = self.rng()?;
        let writer = identity.writer;
        self.record(&AuditEvent::Enrolled { writer }, work)?;
        self.found(&mut rng, identity, grant.expose_keys(), pin, work)
    }

    /// Treasury: vouches for a book to a writer on its list. Nothing secret is in it.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::treasury`], [`TokenError::UnknownBook`],
    /// [`TokenError::WrongKind`], [`TokenError::UnknownWriter`], those of storage.
    #[inline(never)]
    pub(crate) fn grant_book<'b>(
        &mut self,
        book: &BookId,
        writer: &WriterId,
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        self.vault.treasury()?;
        self.find(book, body)?.must_be(BookKind::Authenticated)?;
        self.active(writer, body)?.must_be_another()?;
        let (_, secrets) = self.vault.treasury()?;
        let seed = secrets.seed()?;
        let public_key = seed.secret_key::<S>(book).public_key().to_bytes();
        let mac = seed.writer_key(writer).grant_mac(book, &public_key);
        let rules = Rules::from(&self.find(book, body)?.rules);
        Ok(Response::BookGrant {
            rules,
            public_key,
            mac,
        })
    }

    /// Writer: adds a book that its treasury vouches for. If it has the book, this does nothing.
    ///
    /// # Errors
    /// Those of [`crate::vault::Vault::unlocked`], [`TokenError::WrongRole`],
    /// [`TokenError::BadRules`], [`TokenError::GrantRefused`], [`TokenError::WrongKind`],
    /// [`TokenError::BadElement`], [`TokenError::SuiteUnsupported`],
    /// [`TokenError::TooManyBooks`], those of storage.
    #[inline(never)]
    pub(crate) fn take_book<'b>(
        &mut self,
        rules: &Rules<'_>,
        public_key: &[u8; 32],
        mac: &[u8; 32],
        body: &'b mut [u8],
    ) -> Result<Response<'b>, TokenError> {
        let (_, secrets) = self.vault.unlocked()?;
        let key = secrets.writer_key()?;
        let checked = rules.check().ok_or(TokenError::BadRules)?;
        if !key.is_granted(&checked.id(), public_key, mac) {
            return Err(TokenError::GrantRefused);
        }
        if checked.kind != BookKind::Authenticated {
            return Err(TokenError::WrongKind);
        }
        PublicKey::<S>::from_bytes(public_key).map_err(|_| TokenError::BadElement)?;
        let place = match self.admit(&checked, body) {
            Ok(()) => self.add_granted(&checked.id(), rules, public_key, body)?,
            Err(TokenError::BookExists) => self.find(&checked.id(), body)?.place,
            Err(error) => return Err(error),
        };
        self.book(place, body)
    }

    /// Whether this token may become a writer.
    fn must_be_joining(&self) -> Result<(), TokenError> {
        if self.vault.identity().is_some() {
            return Err(TokenError::AlreadyProvisioned);
        }
        self.must_be_ceremony()
    }
}
