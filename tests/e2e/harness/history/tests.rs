//! Histories with one planted fault each: a checker that finds nothing proves nothing.

use super::*;

const FIRST: Name = Name { user: 1, number: 1 };
const SECOND: Name = Name { user: 1, number: 2 };
const OTHER: Name = Name { user: 2, number: 1 };

fn started() -> Step {
    Step::Started { id: "id".to_owned() }
}

/// Each of the lines a millisecond after the one before.
fn history(lines: &[(Name, Step)]) -> History {
    let mut history = History::default();
    for (at_ms, (name, what)) in (1..).zip(lines) {
        history.add(at_ms * 1000, *name, what.clone());
    }
    history
}

fn whole(name: Name) -> [(Name, Step); 4] {
    [(name, Step::Pushed), (name, Step::Acked), (name, started()), (name, Step::Answered)]
}

#[test]
fn a_history_without_faults_is_right() {
    let verdict = history(&[whole(FIRST), whole(OTHER), whole(SECOND)].concat()).judge();
    assert_eq!(verdict, Verdict { pushed: 3, acked: 3, answered: 3, ..Verdict::default() });
    verdict.assert_right();
}

#[test]
fn a_message_acked_and_never_answered_is_found() {
    let lines = [whole(OTHER).to_vec(), whole(FIRST)[..3].to_vec()].concat();
    let verdict = history(&lines).judge();
    assert_eq!(verdict.lost, [FIRST]);
    assert_eq!(history(&whole(FIRST)[..1]).judge().lost, [], "what was never acked may be lost");
}

#[test]
fn an_answer_to_nothing_is_found() {
    assert_eq!(history(&whole(FIRST)[2..]).judge().invented, [FIRST]);
}

#[test]
fn a_message_accepted_twice_is_found() {
    let again = [whole(FIRST).to_vec(), whole(FIRST)[2..].to_vec()].concat();
    let verdict = history(&again).judge();
    assert_eq!((verdict.accepted_twice, verdict.repeated_starts), (vec![FIRST], 1));
    let mut two_ids = whole(FIRST).to_vec();
    two_ids.insert(3, (FIRST, Step::Started { id: "another".to_owned() }));
    assert_eq!(history(&two_ids).judge().accepted_twice, [FIRST]);
}

#[test]
fn a_handler_run_again_before_its_answer_is_counted_and_excused() {
    let mut lines = whole(FIRST).to_vec();
    lines.insert(3, (FIRST, started()));
    lines.push((FIRST, Step::Answered));
    let verdict = history(&lines).judge();
    assert_eq!((verdict.repeated_starts, verdict.repeated_answers), (1, 1));
    verdict.assert_right();
}

#[test]
fn an_inversion_is_found_and_what_was_under_way_together_is_none() {
    let (pushed, acked) = (Step::Pushed, Step::Acked);
    let handled =
        [(SECOND, started()), (SECOND, Step::Answered), (FIRST, started()), (FIRST, Step::Answered)];
    let apart =
        [(FIRST, pushed.clone()), (FIRST, acked.clone()), (SECOND, pushed.clone()), (SECOND, acked.clone())];
    let verdict = history(&[apart, handled.clone()].concat()).judge();
    assert_eq!(verdict.inversions, [(FIRST, SECOND)]);
    let together = [(FIRST, pushed.clone()), (SECOND, pushed), (FIRST, acked.clone()), (SECOND, acked)];
    assert_eq!(history(&[together, handled].concat()).judge().inversions, []);
}

#[test]
fn two_of_one_user_at_once_are_found_and_two_of_two_users_are_right() {
    let at_once = |second| history(&[(FIRST, started()), (second, started()), (FIRST, Step::Answered)]);
    assert_eq!(at_once(SECOND).judge().overlaps, [(FIRST, SECOND)]);
    assert_eq!(at_once(OTHER).judge().overlaps, []);
    assert_eq!(at_once(OTHER).in_hand(2_000), 2);
    assert_eq!(at_once(OTHER).in_hand(3_000), 1);
}

#[test]
fn the_next_handler_may_start_in_the_very_tick_of_the_answer_before() {
    let mut history = history(&[(FIRST, started())]);
    history.add(5_000, SECOND, started());
    history.add(5_000, FIRST, Step::Answered);
    assert_eq!(history.judge().overlaps, []);
}

#[test]
fn a_text_names_its_message() {
    assert_eq!(Name::of(&FIRST.to_string()), Some(FIRST));
    assert_eq!(Name::of("1/2 and more"), Some(SECOND));
    assert_eq!(Name::of("hello"), None);
}
