//! Sequences of commands, with the token's own tests: see `hostile` there.

use crate::hostile::{
    driver::run,
    step::{Action, LEN, Step},
};

/// Eight bytes for each step of a host. The token does what the model says; the value is a release.
pub fn commands(data: &[u8]) -> bool {
    let tally = run(data);
    let released = |name: &str| tally.get(name).is_some_and(|[done, _]| *done > 0);
    ["ReleaseTotal", "ReleaseBalance", "ReleaseOpen"]
        .into_iter()
        .any(released)
}

/// A sequence that opens a total and a balance, and one in which the person says no.
pub(crate) fn seeds() -> [Vec<u8>; 2] {
    const YES: u8 = 7;
    const NO: u8 = 0;
    let post = step(Action::PostBatch, YES, [0, 2, 1, 200, 100, 0]);
    let restart = step(Action::Restart, YES, [1, 0, 0, 0, 0, 0]);
    let unlock = step(Action::Unlock, YES, [0; 6]);
    let release = |person| {
        let claims = [Action::ReleaseTotal, Action::ReleaseBalance];
        claims
            .map(|action| step(action, person, [0, 1, 1, 1, 20, 0]))
            .concat()
    };
    [YES, NO].map(|person| [&post[..], &post, &restart, &unlock, &release(person)].concat())
}

fn step(action: Action, person: u8, numbers: [u8; 6]) -> [u8; LEN] {
    let [a, b, c, d, e, f] = numbers;
    let mut steps = (0..=255).map(|first| [first, person, a, b, c, d, e, f]);
    let found = steps.find(|step| Step::from_bytes(*step).action == action);
    found.expect("every action has a number")
}
