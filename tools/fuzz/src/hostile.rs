//! The hostile host of the token's own tests; see `firmware/token/tests/token/hostile.rs`.

#[path = "../../../firmware/token/tests/token/hostile/answers.rs"]
mod answers;
#[path = "../../../firmware/token/tests/token/hostile/claim.rs"]
mod claim;
#[path = "../../../firmware/token/tests/token/hostile/driver.rs"]
pub mod driver;
#[path = "../../../firmware/token/tests/token/hostile/model.rs"]
mod model;
#[path = "../../../firmware/token/tests/token/hostile/step.rs"]
pub mod step;
