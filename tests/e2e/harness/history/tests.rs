//! Histories with one planted fault each: a checker that finds nothing proves nothing.

use super::*;

const FIRST: Name = Name { user: 1, number: 1 };
const SECOND: Name = Name { user: 1, number: 2 };
const OTHER: Name = Name { user: 2, number: 1 };

fn started() -> Step {
    Step::Started { id: "id".to_owned() }
}

fn strike(from_us: u64, to_us: u64, blow: Blow) -> Strike {
    Strike { from_us, to_us, blow, what: "planted".to_owned() }
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
fn a_handler_run_again_is_excused_by_a_fault_between_and_by_nothing_else() {
    let mut lines = whole(FIRST).to_vec();
    lines.insert(3, (FIRST, started()));
    let mut history = history(&lines);
    assert_eq!(history.judge().started_twice, [FIRST]);
    history.strike(strike(9_000, 9_000, Blow::Hit));
    assert_eq!(history.judge().started_twice, [FIRST], "it came later");
    history.strike(strike(3_000, 4_000, Blow::Hit));
    let verdict = history.judge();
    assert_eq!((verdict.repeated_starts, verdict.started_twice.len()), (1, 0));
    verdict.assert_right();
}

#[test]
fn an_answer_that_comes_again_is_excused_by_a_fault_and_an_unsure_send_and_by_neither_alone() {
    let mut history = history(&[whole(FIRST).to_vec(), vec![(FIRST, Step::Answered)]].concat());
    assert_eq!(history.judge().answered_twice, [FIRST]);
    let mut unsure = history.clone();
    unsure.add(4_500, FIRST, Step::Unsure);
    assert_eq!(unsure.judge().answered_twice, [FIRST], "no fault had struck");
    history.strike(strike(4_500, 4_500, Blow::Hit));
    assert_eq!(history.judge().answered_twice, [FIRST], "nobody was unsure");
    history.add(4_600, OTHER, Step::Unsure);
    assert_eq!(history.judge().answered_twice, [FIRST], "another was unsure");
    history.add(4_600, FIRST, Step::Unsure);
    let verdict = history.judge();
    assert_eq!((verdict.repeated_answers, verdict.answered_twice.len(), verdict.unsure), (1, 0, 2));
}

#[test]
fn a_worker_that_wakes_may_ask_once_more_and_others_may_not() {
    let late = [&whole(FIRST)[..], &whole(SECOND)[..3], &[(FIRST, started())], &whole(SECOND)[3..]].concat();
    let mut history = history(&late);
    history.strike(strike(3_000, 7_500, Blow::Hit));
    let verdict = history.judge();
    assert_eq!((&verdict.accepted_twice, &verdict.overlaps), (&vec![FIRST], &vec![(SECOND, FIRST)]));
    history.strike(strike(3_000, 7_500, Blow::Sleep));
    let verdict = history.judge();
    assert_eq!(verdict.late_starts, 1);
    verdict.assert_right();
}

#[test]
fn a_message_that_died_is_not_lost_and_ends_its_turn() {
    let mut lines = whole(FIRST)[..3].to_vec();
    lines.push((FIRST, Step::Died));
    let verdict = history(&[lines, whole(SECOND).to_vec()].concat()).judge();
    assert_eq!((verdict.died, verdict.answered), (1, 1));
    verdict.assert_right();
}

#[test]
fn a_lane_that_stands_still_is_found_and_one_that_waits_for_redis_is_not() {
    const STAND_US: u64 = 21_000_000;
    let mut history = history(&[&whole(FIRST)[..2], &whole(OTHER)].concat());
    for (at_us, step) in [(STAND_US, started()), (STAND_US + 1, Step::Answered)] {
        history.add(at_us, FIRST, step);
    }
    let still = history.judge().still;
    assert_eq!(still, [(FIRST, Duration::from_micros(STAND_US - 2_000))]);
    for (from_us, to_us) in [(1_000, 900_000), (800_000, 1_200_000)] {
        history.strike(strike(from_us, to_us, Blow::Outage));
    }
    assert_eq!(history.judge().still, []);
}

#[test]
fn a_lane_that_never_moves_again_is_found() {
    let mut history = history(&whole(FIRST)[..2]);
    history.add(30_000_000, OTHER, Step::Pushed);
    let verdict = history.judge();
    assert_eq!((verdict.still.len(), verdict.lost), (1, vec![FIRST]));
}

#[test]
fn what_is_wrong_is_named() {
    let lines = [whole(OTHER).to_vec(), whole(FIRST)[..3].to_vec()].concat();
    let verdict = history(&lines).judge();
    assert_eq!(verdict.wrongs(), ["acked and never answered: 1 such as [1/1]"]);
    assert_eq!(verdict.suspects(), [FIRST]);
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
