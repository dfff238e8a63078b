//! Which frames belong to the conversation, and which of them are new.

use core_nostd::wire::{FrameHeader, SessionNonce, TokenError, VERSION_CURRENT};

/// The session of the last `Hello`.
///
/// Request identifiers rise within a session, with gaps as the client likes. A frame that the line
/// delivers twice is therefore refused as malformed and never executed twice; a client whose answer
/// was lost asks again under a new identifier, and what must not happen twice is recognised by its
/// content (a posting by its position, a statement by `LastStatement`).
pub(crate) struct Session {
    nonce: Option<SessionNonce>,
    last_id: u32,
}

impl Session {
    /// No session: everything but `Hello` is stale.
    pub(crate) const fn new() -> Self {
        Self {
            nonce: None,
            last_id: 0,
        }
    }

    /// Begins the session that a `Hello` names. A `Hello` that comes twice begins nothing new.
    pub(crate) fn hello(&mut self, header: &FrameHeader) {
        self.last_id = match self.nonce {
            Some(nonce) if nonce == header.session => self.last_id.max(header.id),
            _ => header.id,
        };
        self.nonce = Some(header.session);
    }

    /// Whether a frame belongs to this session.
    ///
    /// # Errors
    /// [`TokenError::StaleSession`].
    pub(crate) fn check(&self, header: &FrameHeader) -> Result<(), TokenError> {
        match self.nonce {
            Some(nonce) if nonce == header.session => Ok(()),
            _ => Err(TokenError::StaleSession),
        }
    }

    /// Takes a request of this session for execution, once.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] if its identifier is not above all before.
    pub(crate) fn accept(&mut self, header: &FrameHeader) -> Result<(), TokenError> {
        if header.id <= self.last_id {
            return Err(TokenError::Malformed);
        }
        self.last_id = header.id;
        Ok(())
    }

    /// The address of an answer to bytes that have none: this session, identifier 0.
    pub(crate) fn nobody(&self) -> FrameHeader {
        FrameHeader {
            version: VERSION_CURRENT,
            session: self.nonce.unwrap_or_default(),
            id: 0,
        }
    }
}
