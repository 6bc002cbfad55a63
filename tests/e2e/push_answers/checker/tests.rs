//! Transcripts with one planted fault each: a checker that finds nothing proves nothing.

use std::time::Duration;

use huixin_sandbox::{TranscriptEntry, TryOutcome, What};
use serde_json::Value;

use super::*;

/// User 1 of one account and user 2 of another one.
const ASKS: [&str; 3] = ["1/0 1 0", "1/1 2 0", "2/0 1 0"];
const UNANSWERED: [TryOutcome; 3] = [TryOutcome::Timeout, TryOutcome::Timeout, TryOutcome::Timeout];

#[derive(Default)]
struct Planted {
    entries: Vec<TranscriptEntry>,
    now_ms: u64,
}

impl Planted {
    /// All that is asked, each message long before the next, and its ack.
    fn asked(asks: &[&str]) -> Self {
        let mut planted = Self::default();
        for ask in asks {
            planted.says(ask);
            planted.acked(ask);
        }
        planted
    }

    fn add(mut self, user: usize, what: What) -> Self {
        self.entry(user, what);
        self
    }

    fn entry(&mut self, user: usize, what: What) {
        self.now_ms += 10;
        self.entries.push(TranscriptEntry {
            seq: self.now_ms,
            at_ms: self.now_ms,
            account: format!("account{user}"),
            user: format!("oUser{user}").into(),
            what,
        });
    }

    fn says(&mut self, text: &str) {
        self.now_ms += 5_000;
        self.entry(
            user_of(text),
            What::Said {
                msg_id: text.to_owned(),
                kind: "text".to_owned(),
                content: text.to_owned(),
                media_id: None,
                pic_url: None,
                card: None,
            },
        );
    }

    fn acked(&mut self, text: &str) {
        self.tries(text, 1, TryOutcome::Acked);
        self.entry(user_of(text), What::Acked { msg_id: text.to_owned(), ms: 0.0, tries: 1 });
    }

    fn tries(&mut self, push: &str, n: u32, outcome: TryOutcome) {
        let took_ms = Duration::from_millis(1).as_secs_f64();
        self.entry(user_of(push), What::Tried { msg_id: push.to_owned(), n, took_ms, outcome });
    }

    /// The user fetches by a push of this name, whose tries end so; with the last one the push is acked unless it is cut.
    fn fetches(mut self, push: &str, outcomes: &[TryOutcome]) -> Self {
        self.says(push);
        for (n, outcome) in (1..).zip(outcomes) {
            self.tries(push, n, outcome.clone());
            if let TryOutcome::PassiveReply(text) = outcome {
                self.entry(user_of(push), replied(push, n, text));
            }
            if outcome.is_ack() {
                self.entry(user_of(push), What::Acked { msg_id: push.to_owned(), ms: 0.0, tries: n });
            }
        }
        if !outcomes.last().is_some_and(TryOutcome::is_ack) {
            self.entry(user_of(push), What::FaultNotice { msg_id: push.to_owned() });
        }
        self
    }

    fn gets(self, part: &str) -> Self {
        self.add(user_of(part), sent(part))
    }

    fn judge(&self) -> Verdict {
        self.with(&Facts::default())
    }

    fn with(&self, facts: &Facts) -> Verdict {
        judge(&self.entries, facts)
    }
}

fn user_of(text: &str) -> usize {
    text.split('/').next().and_then(|user| user.parse().ok()).expect("it begins with a user")
}

fn sent(text: &str) -> What {
    let (kind, text) = ("text".to_owned(), Some(text.to_owned()));
    What::Sent { kind, text, nth: 1, attempt: 1, message: Value::Null, answers: None }
}

fn replied(push: &str, n: u32, text: &str) -> What {
    let (kind, text) = ("text".to_owned(), Some(text.to_owned()));
    What::Replied {
        msg_id: push.to_owned(),
        n,
        kind,
        text,
        message: Value::Null,
        answers: Some(push.to_owned()),
    }
}

fn cut() -> TryOutcome {
    TryOutcome::Unreachable("WeChat hung up, as ordered".to_owned())
}

fn reply(text: &str) -> TryOutcome {
    TryOutcome::PassiveReply(text.to_owned())
}

fn parts(texts: &[&str]) -> Vec<Part> {
    texts.iter().map(|text| Part::of(text).expect("it is a part")).collect()
}

fn unsure(unsure: usize) -> Facts {
    Facts { unsure, ..Facts::default() }
}

/// Everything is answered, in one way or the other.
fn whole() -> Planted {
    let planted = Planted::asked(&ASKS).fetches("1/a", &[TryOutcome::Timeout, reply("1/0 1/1\n<a>more</a>")]);
    planted.gets("2/0 1/1").fetches("1/b", &[reply("1/1 1/2")]).fetches("1/c", &[reply("1/1 2/2")])
}

#[test]
fn a_transcript_without_faults_is_right() {
    let verdict = whole().judge();
    verdict.assert_right();
    assert_eq!(verdict, Verdict { messages: 3, shown: 4, in_try: [1, 2, 1, 0], ..Verdict::default() });
}

#[test]
fn a_part_that_nobody_saw_is_found() {
    let lost = |facts| Planted::asked(&ASKS[..2]).gets("1/0 1/1").gets("1/1 1/2").with(&facts);
    let verdict = lost(Facts::default());
    assert_eq!(verdict.lost, parts(&["1/1 2/2"]));
    assert_eq!(verdict.wrongs(), ["seen by nobody: 1 such as [1/1 2/2]"]);
    assert_eq!((lost(unsure(1)).wrongs().len(), lost(unsure(1)).excused_by_unsure), (0, 1));
    let died = Facts { died: [Name { user: 1, number: 1 }].into(), ..Facts::default() };
    assert_eq!((lost(died.clone()).wrongs().len(), lost(died).died), (0, 1));
}

#[test]
fn a_part_that_was_seen_twice_is_found_and_each_unsure_one_excuses_once() {
    let verdict = whole().gets("2/0 1/1").judge();
    assert_eq!(verdict.doubled, parts(&["2/0 1/1"]));
    let twice = whole().gets("2/0 1/1").fetches("1/d", &[reply("1/0 1/1")]);
    assert_eq!(twice.with(&unsure(1)).doubled.len(), 2, "only one was unsure");
    twice.with(&unsure(2)).assert_right();
}

#[test]
fn a_part_of_another_user_is_found() {
    let swapped =
        Planted::asked(&ASKS[1..]).fetches("2/a", &[reply("1/1 1/2")]).gets("1/1 2/2").gets("2/0 1/1");
    let verdict = swapped.judge();
    assert_eq!((verdict.foreign, verdict.lost), (parts(&["1/1 1/2"]), parts(&["1/1 1/2"])));
    let other_account = Planted::asked(&ASKS[2..]).gets("2/0 1/1").judge();
    other_account.assert_right();
    let mut moved = Planted::asked(&ASKS[2..]).gets("2/0 1/1");
    moved.entries.last_mut().expect("it got it").account = "another".to_owned();
    assert_eq!(
        moved.judge().foreign,
        parts(&["2/0 1/1"]),
        "the same OpenID of another account is another user"
    );
}

#[test]
fn a_part_that_nobody_asked_for_is_found() {
    for text in ["1/7 1/1", "1/0 2/2", "1/0 1/2"] {
        assert_eq!(whole().gets(text).judge().invented, parts(&[text]));
    }
}

#[test]
fn parts_in_the_wrong_order_are_found() {
    let swapped = |first: &str, second: &str| {
        Planted::asked(&ASKS[..2]).gets(first).gets(second).judge().inversions.concat_pairs()
    };
    assert_eq!(swapped("1/1 1/2", "1/0 1/1"), "1/0 1/1 < 1/1 1/2");
    assert_eq!(swapped("1/1 2/2", "1/1 1/2"), "1/1 1/2 < 1/1 2/2");
    assert_eq!(swapped("1/0 1/1", "1/1 1/2"), "");
    let others = Planted::asked(&ASKS).gets("2/0 1/1").gets("1/0 1/1").gets("1/1 1/2").gets("1/1 2/2");
    others.judge().assert_right();
}

#[test]
fn a_part_may_come_late_only_in_a_later_try_of_a_push_whose_response_was_cut() {
    let late = |outcomes: &[TryOutcome]| {
        let planted = Planted::asked(&ASKS[..2]).gets("1/1 1/2").gets("1/1 2/2").fetches("1/a", outcomes);
        planted.judge().inversions.len()
    };
    assert_eq!(late(&[cut(), reply("1/0 1/1")]), 0);
    assert_eq!(late(&[TryOutcome::Timeout, reply("1/0 1/1")]), 2, "a try without a response excuses nothing");
    assert_eq!(late(&[reply("1/0 1/1")]), 2);
}

#[test]
fn messages_that_were_under_way_together_may_go_either_way_and_an_outage_lets_others_pass() {
    let mut together = Planted::default();
    together.says(ASKS[0]);
    together.now_ms -= 4_900;
    together.says(ASKS[1]);
    together.acked(ASKS[0]);
    together.acked(ASKS[1]);
    let together = together.gets("1/1 1/2").gets("1/1 2/2").gets("1/0 1/1");
    assert_eq!(together.judge().inversions, [], "a tenth of a second");
    let apart = Planted::asked(&ASKS[..2]).gets("1/1 1/2").gets("1/1 2/2").gets("1/0 1/1");
    let away = |from_ms, to_ms| Facts { outages_ms: vec![(from_ms, to_ms)], ..Facts::default() };
    assert_eq!(apart.with(&away(4_000, 6_000)).inversions.len(), 0, "the first one lay in a spool");
    assert_eq!(apart.with(&away(100_000, 200_000)).inversions.len(), 2);
    assert_eq!(apart.with(&away(0, 1_000)).inversions.len(), 2);
}

#[test]
fn a_push_whose_last_response_was_cut_excuses_one_part_of_its_user_said_before() {
    let lost = |push: &str, outcomes: &[TryOutcome]| {
        Planted::asked(&ASKS[..2]).gets("1/0 1/1").fetches(push, outcomes).judge()
    };
    let all_cut = lost("1/a", &[cut(), cut(), cut()]);
    assert_eq!((all_cut.unknowable, all_cut.lost), (1, parts(&["1/1 2/2"])), "one push, one part");
    assert_eq!(lost("2/a", &[cut(), cut(), cut()]).lost.len(), 2, "another user's");
    assert_eq!(lost("1/a", &[cut(), reply("1/1 1/2")]).lost, parts(&["1/1 2/2"]), "the part came again");
    assert_eq!(lost("1/a", &[cut(), reply("later")]).lost.len(), 2, "it came again without the part");
    assert_eq!(lost("1/a", &UNANSWERED).lost.len(), 2, "nothing was cut");
    let before = Planted::default().fetches("1/a", &[cut(), cut(), cut()]);
    let mut after = before;
    after.says(ASKS[0]);
    after.acked(ASKS[0]);
    assert_eq!(after.judge().lost, parts(&["1/0 1/1"]), "it was said later");
}

#[test]
fn a_push_that_came_again_while_the_queue_was_away_excuses_one_part() {
    let planted = Planted::asked(&ASKS[..1]).fetches("1/a", &[cut(), reply("later")]);
    let (from_ms, to_ms) = (planted.now_ms - 100, planted.now_ms + 100);
    let verdict = planted.with(&Facts { outages_ms: vec![(from_ms, to_ms)], ..Facts::default() });
    assert_eq!((verdict.unknowable, verdict.lost.len()), (1, 0));
    assert_eq!(planted.with(&Facts { outages_ms: vec![(0, 10)], ..Facts::default() }).lost.len(), 1);
}

#[test]
fn a_message_that_was_never_acked_may_be_lost_unless_a_handler_saw_it() {
    let planted = Planted::default().fetches(ASKS[0], &UNANSWERED);
    let verdict = planted.judge();
    assert_eq!((verdict.never_taken, verdict.lost.len(), verdict.left_alone.len()), (1, 0, 1));
    let started = Facts { started: [Name { user: 1, number: 0 }].into(), ..Facts::default() };
    assert_eq!(planted.with(&started).lost, parts(&["1/0 1/1"]));
}

#[test]
fn a_response_that_is_none_and_a_push_that_is_left_alone_are_found() {
    let bad = whole().fetches("1/d", &[TryOutcome::BadReply("<html>".to_owned())]).judge();
    assert_eq!((bad.bad.len(), bad.fault_notices), (1, 1));
    assert_eq!(whole().fetches("1/d", &[TryOutcome::Status(503), reply("later")]).judge().bad, ["503"]);
    let left = whole().fetches("1/d", &UNANSWERED).judge();
    assert_eq!(left.wrongs().len(), 1);
}

#[test]
fn nothing_at_all_is_wrong() {
    assert_eq!(Planted::default().judge().wrongs(), ["nothing was said"]);
}

trait Pairs {
    fn concat_pairs(&self) -> String;
}

impl Pairs for Vec<(Part, Part)> {
    fn concat_pairs(&self) -> String {
        let pairs: Vec<String> = self.iter().map(|(first, second)| format!("{first} < {second}")).collect();
        pairs.join(", ")
    }
}
