use super::*;
use crate::ports::mailer::{Reply, Trouble};

fn row(state: State, sends: i32) -> Row {
    Row { id: Uuid::nil(), message_id: "0@compilandocode.example".to_owned(), state, sends, asked_again: false, old: false }
}

fn begins(row: &Row, security: bool) -> bool {
    may_begin(row, JobId(Uuid::nil()), security).is_ok()
}

fn judged(fate: &Fate, sends: i32, security: bool) -> (State, i32, Next) {
    let verdict = judge(fate, &row(State::Queued, sends), security, false);
    (verdict.state, verdict.sends, verdict.next)
}

fn unheard() -> Fate {
    Fate::Unknown { why: "the connection was closed".to_owned() }
}

#[test]
fn a_letter_leaves_once_and_a_refused_one_again() {
    assert!(begins(&row(State::Queued, 0), false));
    assert!(begins(&row(State::Failed, 0), false));
    assert!(!begins(&row(State::Sent, 1), true));
}

#[test]
fn only_a_security_letter_is_repeated_and_only_once() {
    for state in [State::Sending, State::Unknown] {
        assert!(begins(&row(state, 1), true), "{state:?}");
        assert!(!begins(&row(state, 2), true), "{state:?}");
        assert!(!begins(&row(state, 1), false), "{state:?}");
    }
    assert_eq!(judged(&unheard(), 0, true), (State::Unknown, 1, Next::Retry(Wait::Repeat)));
    assert_eq!(judged(&unheard(), 1, true), (State::Unknown, 2, Next::Dead));
    assert_eq!(judged(&unheard(), 0, false), (State::Unknown, 1, Next::Dead));
}

#[test]
fn an_operators_retry_sends_whatever_is_unknown() {
    for state in [State::Sending, State::Unknown] {
        let row = Row { asked_again: true, ..row(state, 2) };
        assert!(begins(&row, false) && begins(&row, true), "{state:?}");
    }
}

#[test]
fn only_a_letter_of_which_no_copy_can_have_left_was_kept_back() {
    for state in [State::Queued, State::Failed, State::Withheld] {
        assert!(matches!(kept_back(&row(state, 0), Withheld::Closed), Refusal::Withheld(Withheld::Closed)), "{state:?}");
    }
    // Queued: the second copy was refused for now.
    for state in [State::Sending, State::Unknown, State::Queued] {
        let Refusal::Unknown(words) = kept_back(&row(state, 1), Withheld::HardBounce) else { panic!("{state:?}") };
        assert!(words.contains("one copy left") && words.contains("stay here: its address is suppressed"), "{words}");
    }
}

#[test]
fn another_jobs_letter_is_a_duplicate_of_it() {
    let Err(Refusal::NotOurs(reason)) = may_begin(&row(State::Sending, 1), JobId(Uuid::max()), true) else {
        panic!("not a duplicate");
    };
    assert_eq!(reason, format!("duplicate of {}", Uuid::nil()));
}

#[test]
fn each_fate_has_its_state() {
    assert_eq!(judged(&Fate::Accepted(Reply::new(250, "ok")), 0, false), (State::Sent, 1, Next::Done));
    let grey = Fate::RefusedForNow(Reply::new(451, "4.7.1 greylisted"));
    assert_eq!(judged(&grey, 0, false), (State::Queued, 0, Next::Retry(Wait::Refused)));
    let no_user = Fate::RefusedForGood(Reply::new(550, "5.1.1 no such user"));
    assert_eq!(judged(&no_user, 0, true), (State::Failed, 0, Next::Dead));
    let closed = Fate::OutOfService(Trouble::new(Part::Login, "535 5.7.8 bad credentials"));
    assert_eq!(judged(&closed, 1, true), (State::Queued, 1, Next::Pause));

    let last = judge(&grey, &row(State::Queued, 0), false, true);
    assert_eq!((last.state, last.next), (State::Failed, Next::Retry(Wait::Refused)), "the engine calls it dead");
    let dead = judge(&no_user, &row(State::Queued, 0), false, false);
    assert_eq!((dead.code, &*dead.seen), (Some(550), "5.1.1 no such user"));
    assert_eq!(dead.words, "the mail server refused the letter for good: 550 5.1.1 no such user");
}

#[test]
fn a_letter_that_ends_every_conversation_does_not_wait_for_ever() {
    let cut = Fate::OutOfService(Trouble::new(Part::Conversation, "no answer to RCPT TO"));
    let away = Fate::OutOfService(Trouble::new(Part::Connection, "refused"));
    let old = || Row { old: true, ..row(State::Queued, 0) };
    assert_eq!(judged(&cut, 0, true), (State::Queued, 0, Next::Pause));
    assert_eq!(judge(&cut, &old(), true, false).next, Next::Retry(Wait::Refused));
    assert_eq!(judge(&cut, &old(), true, true).state, State::Failed);
    assert_eq!(judge(&away, &old(), true, true).next, Next::Pause);
}

#[test]
fn a_person_can_act_on_what_is_unknown() {
    let words = judge(&unheard(), &row(State::Unknown, 1), true, false).words;
    for part in ["the connection was closed", "2 copies", "<0@compilandocode.example>", "a retry sends it again"] {
        assert!(words.contains(part), "{part} is missing in: {words}");
    }
}

#[test]
fn a_refused_letter_is_tried_after_5_15_and_60_minutes_and_then_for_most_of_a_day() {
    for _ in 0..200 {
        let waits: Vec<f64> = (1..MAX_ATTEMPTS).map(|attempt| refused_wait(attempt).as_secs_f64() / 60.0).collect();
        for (wait, least) in waits.iter().zip([5.0, 15.0, 60.0, 120.0]) {
            assert!((least..=least * 1.1).contains(wait), "{waits:?}");
        }
        assert!((20.0..24.0).contains(&(waits.iter().sum::<f64>() / 60.0)), "{waits:?}");
    }
}

#[test]
fn a_full_mailbox_is_tried_again_and_noted() {
    for reply in [Reply::new(552, "5.2.2 full"), Reply::new(552, "quota exceeded"), Reply::new(452, "4.2.2 full")] {
        let fate = if reply.code < 500 { Fate::RefusedForNow(reply) } else { Fate::RefusedForGood(reply) };
        let verdict = judge(&fate, &row(State::Queued, 0), false, false);
        assert_eq!((verdict.state, verdict.next), (State::Queued, Next::Retry(Wait::Refused)), "{fate:?}");
        assert_eq!(verdict.bounce, Some(bounce::Kind::Soft));
    }
    let no_user = Fate::RefusedForGood(Reply::new(550, "5.1.1 no such user"));
    assert_eq!(judge(&no_user, &row(State::Queued, 0), false, false).bounce, Some(bounce::Kind::Hard));
}
