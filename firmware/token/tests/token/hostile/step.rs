//! One step of a sequence: eight bytes, which mean something whatever they are.

/// Length of a step, in bytes.
pub const LEN: usize = 8;

/// What the host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Restart,
    Provision,
    Unlock,
    Lock,
    ChangePin,
    Wipe,
    SetPolicy,
    NewWriter,
    Backup,
    Restore,
    CreateBook,
    Book,
    Handle,
    RevealNid,
    Post,
    PostBatch,
    PostAgain,
    LastEntry,
    Cut,
    ReleaseTotal,
    ReleaseBalance,
    ReleaseOpen,
    LastStatement,
    ConfirmDecode,
    PublicKey,
    Noise,
    Malformed,
    Stale,
}

/// Actions by the first byte of a step; those that lead further come more often.
const ACTIONS: [Action; 64] = [
    Action::Restart,
    Action::Provision,
    Action::Provision,
    Action::Unlock,
    Action::Unlock,
    Action::Unlock,
    Action::Unlock,
    Action::Unlock,
    Action::Unlock,
    Action::Unlock,
    Action::Unlock,
    Action::Unlock,
    Action::Lock,
    Action::ChangePin,
    Action::Wipe,
    Action::SetPolicy,
    Action::NewWriter,
    Action::Backup,
    Action::Backup,
    Action::Restore,
    Action::Restore,
    Action::Restore,
    Action::CreateBook,
    Action::CreateBook,
    Action::CreateBook,
    Action::CreateBook,
    Action::Book,
    Action::Handle,
    Action::RevealNid,
    Action::Post,
    Action::Post,
    Action::Post,
    Action::Post,
    Action::Post,
    Action::Post,
    Action::Post,
    Action::PostBatch,
    Action::PostBatch,
    Action::PostBatch,
    Action::PostBatch,
    Action::PostBatch,
    Action::PostBatch,
    Action::PostAgain,
    Action::LastEntry,
    Action::Cut,
    Action::Cut,
    Action::Cut,
    Action::ReleaseTotal,
    Action::ReleaseTotal,
    Action::ReleaseTotal,
    Action::ReleaseTotal,
    Action::ReleaseTotal,
    Action::ReleaseTotal,
    Action::ReleaseTotal,
    Action::ReleaseBalance,
    Action::ReleaseBalance,
    Action::ReleaseOpen,
    Action::ReleaseOpen,
    Action::LastStatement,
    Action::ConfirmDecode,
    Action::PublicKey,
    Action::Noise,
    Action::Malformed,
    Action::Stale,
];

/// What the person does when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    Yes,
    No,
    Never,
    /// Nothing, until the host cancels.
    Cancelled,
}

/// A step. What its numbers mean depends on the action.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub action: Action,
    pub person: Person,
    pub numbers: [u8; 6],
}

impl Step {
    /// The step that these bytes mean.
    pub fn from_bytes([action, person, numbers @ ..]: [u8; LEN]) -> Self {
        let action = ACTIONS[usize::from(action) % ACTIONS.len()];
        let person = match person % 8 {
            0 => Person::No,
            1 => Person::Never,
            2 => Person::Cancelled,
            _ => Person::Yes,
        };
        Self {
            action,
            person,
            numbers,
        }
    }
}
