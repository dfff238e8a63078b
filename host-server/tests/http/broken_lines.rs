//! `/v1/teller` when the line to the token breaks: no entry is lost, doubled, or taken for another.

use crate::{
    desk::{Desk, ask, key},
    line::Fault,
};

#[test]
fn a_line_that_breaks_in_mid_posting_makes_neither_two_entries_nor_none() {
    let desk = Desk::open();
    desk.posted("DE1111", "1.00", &key(1));
    for (number, fault) in [(2, Fault::LoseAnswer), (3, Fault::LoseRequest)] {
        desk.line.break_at_posting(fault, false);
        assert_eq!(
            desk.posted("DE1111", "1.00", &key(number)),
            u64::from(number - 1)
        );
        assert_eq!(desk.log().len(), number as usize);
        assert_eq!(
            desk.posted("DE1111", "1.00", &key(number)),
            u64::from(number - 1)
        );
    }
    assert_eq!(desk.release("/balance", &ask("DE1111")).amount, "3.00");
}

#[test]
fn an_entry_signed_before_the_server_died_is_found_and_its_key_still_answers() {
    let (desk, path) = Desk::on_file();
    desk.posted("DE1111", "1.00", &key(1));
    desk.line.break_at_posting(Fault::LoseAnswer, true);
    desk.post("DE1111", "2.00", &key(2))
        .problem(503, "token-unavailable");
    assert_eq!(desk.log().len(), 1);
    let desk = desk.restart(&path);
    for _ in 0..2 {
        assert_eq!(desk.posted("DE1111", "2.00", &key(2)), 1);
    }
    assert_eq!(desk.log().len(), 2);
    assert_eq!(desk.release("/balance", &ask("DE1111")).amount, "3.00");
}

#[test]
fn a_key_whose_attempt_died_unsigned_never_answers_with_anothers_entry() {
    let desk = Desk::open();
    desk.line.break_at_posting(Fault::LoseRequest, true);
    desk.post("DE1111", "2.00", &key(1))
        .problem(503, "token-unavailable");
    desk.line.mend();
    // The pause after a failed connection passes.
    while desk.server.get("/readyz").status != 200 {}
    assert_eq!(desk.posted("DE1111", "2.00", &key(2)), 0);
    desk.post("DE1111", "2.00", &key(1))
        .problem(409, "posting-failed");
    desk.post("DE1111", "2.00", &key(1))
        .problem(409, "posting-failed");
    assert_eq!(desk.log().len(), 1);
}

#[test]
fn when_nobody_can_know_the_answer_says_so() {
    let (desk, path) = Desk::on_file();
    desk.line.break_at_posting(Fault::LoseAnswer, true);
    desk.post("DE1111", "2.00", &key(1))
        .problem(503, "token-unavailable");
    let desk = desk.restart(&path);
    // The chain goes on before the first posting is asked for again.
    assert_eq!(desk.posted("DE1111", "2.00", &key(2)), 1);
    desk.post("DE1111", "2.00", &key(1))
        .problem(409, "posting-unknown");
    desk.post("DE1111", "2.00", &key(1))
        .problem(409, "posting-unknown");
    assert_eq!(desk.log().len(), 2);
}
