//! Answers that go out in the response of a push.

use super::*;
use crate::{CLAIM_FOR, ClaimOutcome, Claimed, OFFER_LEAST, OpenPush, PUSH_KEPT_FOR, PushAnswer, PushTry};

const OPEN_FOR: Duration = Duration::from_secs(2);

properties! {
    async fn a_push_counts_its_tries_for_a_time(s) {
        assert_eq!((s.open("lane", "p").await.number, s.open("lane", "p").await.number), (1, 2));
        assert_eq!(s.open("lane", "other").await.number, 1);
        s.clock.advance(PUSH_KEPT_FOR + SECOND);
        assert_eq!(s.open("lane", "p").await.number, 1);
    }

    async fn an_offered_part_goes_out_in_an_open_push_and_its_message_ends(s) {
        let push = s.open("lane", "m0").await;
        s.accept("lane", "m0").await;
        assert_eq!(s.settle_offer(&s.take_one().await, &["part"], 1).await, Settled::AsAsked);
        assert!(matches!(s.lane("lane").await.expect("there").state, LaneState::Delayed { .. }));
        s.assert_nothing_to_take().await;
        assert_eq!(s.claim("lane", &push).await, part("part", false));
        s.assert_invariant().await;
        s.confirm_push("lane", &push, true).await;
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!((counts.open_total(), counts.delayed, counts.dead), (0, 0, 0));
        assert_eq!(s.lane("lane").await, None);
        s.clock.advance(MINUTE);
        s.assert_nothing_to_take().await;
    }

    async fn an_offer_that_no_open_push_waits_for_changes_nothing_and_the_lease_goes_on(s) {
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        assert_eq!(s.settle_offer(&taken, &["part"], 1).await, Settled::NobodyWaits);
        s.open_for("lane", "m0", OFFER_LEAST / 2).await;
        assert_eq!(s.settle_offer(&taken, &["part"], 1).await, Settled::NobodyWaits, "it closes too soon");
        let push = s.open("lane", "m0").await;
        s.clock.advance(OPEN_FOR);
        assert_eq!(s.settle_offer(&taken, &["part"], 1).await, Settled::NobodyWaits, "it is closed");
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::NotYet);
        s.queue.complete(&taken.lease).await.expect("the lease goes on");
    }

    async fn an_offer_that_nobody_claims_comes_again_first_in_line(s) {
        let push = s.open("lane", "m0").await;
        s.accept("lane", "m0").await;
        s.settle_offer(&s.take_one().await, &["part"], 1).await;
        s.accept("other", "o").await;
        s.clock.advance(OPEN_FOR);
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::NotYet, "the offer is over");
        let again = s.take_one().await;
        let recorded = Progress { replies: Some("r".into()), sent: 0, sending: None };
        assert_eq!((again.lease.id.as_str(), &again.progress), ("m0", &recorded));
        assert_eq!((again.failures, again.losses, again.snoozes), (0, 0, 0));
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::NotYet, "a worker has it");
        assert_eq!(s.finish_all().await, ["o"]);
        s.queue.complete(&again.lease).await.expect("complete");
    }

    async fn a_claim_that_is_not_confirmed_comes_again_as_an_unsure_send(s) {
        let push = s.open("lane", "m0").await;
        s.accept("lane", "m0").await;
        s.settle_offer(&s.take_one().await, &["part"], 1).await;
        s.accept("other", "o").await;
        assert_eq!(s.claim("lane", &push).await, part("part", false));
        s.pass(CLAIM_FOR - SECOND).await;
        assert_eq!(s.finish_all().await, ["o"]);
        s.accept("other", "o2").await;
        s.pass(SECOND).await;
        let again = s.take_one().await;
        assert_eq!((again.lease.id.as_str(), again.progress.sending), ("m0", Some(0)));
        assert_eq!(again.send_state.sends, 0, "it was no send of the worker");
        s.confirm_push("lane", &push, true).await;
        s.queue.complete(&again.lease).await.expect("a late confirm changes nothing");
    }

    async fn with_more_to_send_a_message_is_first_in_line_when_its_part_is_written(s) {
        let push = s.open("lane", "m0").await;
        s.accept("lane", "m0").await;
        s.settle_offer(&s.take_one().await, &["part"], 2).await;
        s.accept("other", "o").await;
        assert_eq!(s.claim("lane", &push).await, part("part", true));
        s.confirm_push("lane", &push, true).await;
        let again = s.take_one().await;
        let sent = Progress { replies: Some("r".into()), sent: 1, sending: None };
        assert_eq!((again.lease.id.as_str(), again.progress), ("m0", sent));
        assert_eq!(s.settle_offer_lease(&again.lease, &["part 2"], 1, 2).await, Settled::NobodyWaits, "its push is answered");
    }

    async fn a_part_that_was_not_written_may_be_claimed_again_and_then_comes_again(s) {
        let first = s.open("lane", "m0").await;
        s.accept("lane", "m0").await;
        s.settle_offer(&s.take_one().await, &["part"], 1).await;
        assert_eq!(s.claim("lane", &first).await, part("part", false));
        s.confirm_push("lane", &first, false).await;
        assert!(matches!(s.lane("lane").await.expect("there").state, LaneState::Delayed { .. }), "until the offer's end");
        assert_eq!(s.claim("lane", &first).await, part("part", false));
        s.clock.advance(OPEN_FOR);
        s.confirm_push("lane", &first, false).await;
        let again = s.take_one().await;
        assert_eq!((again.lease.id.as_str(), again.progress.sending), ("m0", None), "it certainly wasn't sent");
        assert_eq!(s.claim("lane", &first).await, ClaimOutcome::NotYet);
    }

    async fn the_next_try_of_a_push_gets_what_went_out_before(s) {
        let first = s.open("lane", "m0").await;
        s.accept("lane", "m0").await;
        s.settle_offer(&s.take_one().await, &["part"], 1).await;
        assert_eq!(s.claim("lane", &first).await, part("part", false));
        let second = s.open("lane", "m0").await;
        assert_eq!(s.claim("lane", &first).await, ClaimOutcome::Superseded);
        s.clock.advance(CLAIM_FOR / 2);
        assert_eq!(s.claim("lane", &second).await, part("part", false));
        s.confirm_push("lane", &first, false).await;
        s.clock.advance(CLAIM_FOR / 2);
        s.assert_nothing_to_take().await;
        s.confirm_push("lane", &second, true).await;
        assert_eq!(s.lane("lane").await, None);
        let third = s.open("lane", "m0").await;
        assert_eq!(s.claim("lane", &third).await, part("part", false), "also when its message has ended");
        s.confirm_push("lane", &third, false).await;
        let fourth = s.open("lane", "m0").await;
        assert_eq!(s.claim("lane", &fourth).await, part("part", false), "the third's loss is not the message's");
        assert_eq!(s.lane("lane").await, None);
        s.clock.advance(PUSH_KEPT_FOR + SECOND);
        assert_eq!(s.claim("lane", &fourth).await, ClaimOutcome::NotYet, "it is forgotten");
    }

    async fn a_newer_push_of_the_lane_takes_the_place_of_an_older_one(s) {
        let older = s.open("lane", "m0").await;
        s.accept("lane", "m0").await;
        s.settle_hold(&s.take_one().await, &["part"]).await;
        let newer = s.open("lane", "m1").await;
        assert_eq!(s.claim("lane", &older).await, ClaimOutcome::Superseded);
        assert_eq!(s.claim("lane", &newer).await, part("part", false));
        assert_eq!(s.claim("lane", &older).await, ClaimOutcome::NotYet, "it is claimed");
    }

    async fn held_answers_go_out_part_by_part_the_oldest_first(s) {
        for (id, parts) in [("m0", &["a", "b"][..]), ("m1", &["c"])] {
            s.offer(quiet(id)).await;
            s.settle_hold(&s.take_one().await, parts).await;
        }
        assert_eq!(s.lane("lane").await.expect("there").held, [id("m0"), id("m1")]);
        for (n, (bytes, more)) in [("a", true), ("b", true), ("c", false)].into_iter().enumerate() {
            let push = s.open("lane", &format!("p{n}")).await;
            assert_eq!(s.claim("lane", &push).await, part(bytes, more));
            s.confirm_push("lane", &push, true).await;
            s.assert_invariant().await;
        }
        let counts = s.queue.counts().await.expect("counts");
        assert_eq!((counts.held, counts.open_total(), counts.dead), (0, 0, 0));
        assert_eq!(s.lane("lane").await, None);
    }

    async fn a_ready_answer_goes_out_while_a_later_message_is_handled(s) {
        s.offer(quiet("m0")).await;
        s.settle_hold(&s.take_one().await, &["part"]).await;
        s.offer(quiet("m1")).await;
        let running = s.take_one().await;
        let push = s.open("lane", "fetch").await;
        assert_eq!(s.claim("lane", &push).await, part("part", true), "more may come of what runs");
        s.confirm_push("lane", &push, true).await;
        assert_eq!(s.lane("lane").await.expect("there").waiting, [id("m1")]);
        s.queue.complete(&running.lease).await.expect("complete");
    }

    async fn a_message_dies_of_its_reason_when_its_last_words_are_written(s) {
        let push = s.open("lane", "m0").await;
        s.offer(quiet("m0")).await;
        s.offer(quiet("m1")).await;
        for reason in ["held", "offered"] {
            let taken = s.take_one().await;
            let answer = PushAnswer { dies_of: Some(reason.to_owned()), ..answer(&["sorry"], 0, 1) };
            if reason == "held" {
                s.hold_answer(&taken, answer).await;
            } else {
                s.open("lane", "m1").await;
                let offer = Settlement::Offer { answer: answer.into() };
                assert_eq!(s.queue.settle(&taken.lease, offer).await.expect("offer"), Settled::AsAsked);
            }
        }
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::Superseded);
        for name in ["p0", "p1"] {
            let push = s.open_for("lane", name, OPEN_FOR).await;
            assert!(matches!(s.claim("lane", &push).await, ClaimOutcome::Part { .. }));
            s.confirm_push("lane", &push, true).await;
        }
        let mut dead: Vec<_> = s.dead_page(9).await.letters.into_iter().map(|letter| letter.reason).collect();
        dead.sort_unstable();
        assert_eq!(dead, ["held", "offered"]);
        assert_eq!(s.queue.counts().await.expect("counts").open_total(), 0);
    }

    async fn a_held_part_whose_claim_ran_out_goes_out_again(s) {
        s.offer(quiet("m0")).await;
        s.settle_hold(&s.take_one().await, &["part"]).await;
        let push = s.open("lane", "p0").await;
        assert_eq!(s.claim("lane", &push).await, part("part", false));
        let other = s.open("lane", "p1").await;
        assert_eq!(s.claim("lane", &other).await, ClaimOutcome::NotYet, "it may still be written");
        s.clock.advance(CLAIM_FOR);
        let again = Claimed { outcome: part("part", false), unsure: 1 };
        assert_eq!(s.claim_full("lane", &other).await, again);
        s.confirm_push("lane", &push, true).await;
        s.confirm_push("lane", &other, true).await;
        assert_eq!(s.lane("lane").await, None);
    }

    async fn a_held_part_that_must_not_go_out_twice_counts_as_sent_when_its_claim_ran_out(s) {
        s.offer(quiet("m0")).await;
        s.offer(quiet("m1")).await;
        for parts in [&["a"][..], &["b"]] {
            let answer = PushAnswer { resend: false, ..answer(parts, 0, 1) };
            s.hold_answer(&s.take_one().await, answer).await;
        }
        let push = s.open("lane", "p0").await;
        assert_eq!(s.claim("lane", &push).await, part("a", true));
        s.clock.advance(CLAIM_FOR);
        let other = s.open("lane", "p1").await;
        assert_eq!(s.claim_full("lane", &other).await, Claimed { outcome: part("b", false), unsure: 1 });
        assert_eq!(s.lane("lane").await.expect("there").held, [id("m1")]);
    }

    async fn a_paused_lane_gives_no_part(s) {
        s.offer(quiet("m0")).await;
        s.settle_hold(&s.take_one().await, &["part"]).await;
        let push = s.open("lane", "p").await;
        for scope in [Scope::All, Scope::Class(class("c")), Scope::Lane(lane("lane"))] {
            s.pause(scope.clone()).await;
            assert_eq!(s.claim("lane", &push).await, ClaimOutcome::NotYet, "{scope:?}");
            s.queue.resume(&scope).await.expect("resume");
        }
        assert_eq!(s.claim("lane", &push).await, part("part", false));
    }

    async fn a_lane_with_nothing_to_do_says_so_and_one_with_something_does_not(s) {
        let push = s.open("lane", "p").await;
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::Idle);
        s.pause(Scope::All).await;
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::Idle, "a pause brings nothing");
        s.queue.resume(&Scope::All).await.expect("resume");
        s.offer(quiet("m0")).await;
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::NotYet, "it waits");
        let taken = s.take_one().await;
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::NotYet, "it runs");
        s.queue.complete(&taken.lease).await.expect("complete");
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::Idle);
    }

    async fn a_user_who_leaves_gets_no_part_any_more(s) {
        s.offer(quiet("m0")).await;
        s.settle_hold(&s.take_one().await, &["held"]).await;
        s.offer(quiet("m1")).await;
        let push = s.open("lane", "m1").await;
        s.settle_offer(&s.take_one().await, &["offered"], 1).await;
        s.offer(NewMessage { held: HeldEffect::Bury, ..message("lane", "unsubscribe") }).await;
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::NotYet);
        assert_eq!(s.dead_page(9).await.total, 1);
        s.clock.advance(OPEN_FOR);
        assert_eq!(s.finish_all().await, ["m1", "unsubscribe"]);
    }

    async fn an_answer_of_one_lane_never_goes_out_for_another(s) {
        s.offer(quiet("m0")).await;
        s.settle_hold(&s.take_one().await, &["part"]).await;
        let push = s.open("other", "p").await;
        assert_eq!(s.claim("other", &push).await, ClaimOutcome::Idle);
    }

    async fn the_receiver_of_the_newest_push_gets_the_news(s) {
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        s.queue.announce(&lane("lane")).await.expect("announce");
        assert_eq!(s.news("r").await, [], "no push is open");
        s.open("lane", "m0").await;
        s.settle_offer(&taken, &["part"], 1).await;
        assert_eq!(s.news("other").await, []);
        assert_eq!(s.news("r").await, [lane("lane")]);
        assert_eq!(s.news("r").await, []);
        s.queue.announce(&lane("lane")).await.expect("announce");
        assert_eq!(s.news("r").await, [lane("lane")]);
        s.offer(quiet("m1")).await;
        s.clock.advance(OPEN_FOR);
        s.open("lane", "m1").await;
        s.queue.complete(&s.take_one().await.lease).await.expect("complete");
        s.settle_hold(&s.take_one().await, &["part"]).await;
        assert_eq!(s.news("r").await, [lane("lane")]);
    }

    async fn waiting_for_news_ends_when_some_comes(s) {
        s.open("lane", "m0").await;
        s.accept("lane", "m0").await;
        let taken = s.take_one().await;
        let (news, _) = tokio::join!(
            s.queue.news("r", Duration::from_secs(30)),
            s.settle_offer(&taken, &["part"], 1),
        );
        assert_eq!(news.expect("news"), [lane("lane")]);
    }

    async fn what_is_remembered_goes_with_the_first_replies_of_an_offer_or_a_hold(s) {
        for (n, text) in ["first", "second"].into_iter().enumerate() {
            s.open("lane", &format!("p{n}")).await;
            s.offer(quiet(&format!("m{n}"))).await;
            let taken = s.take_one().await;
            let answer = PushAnswer { memory: Some(remembered(text)), ..answer(&["part"], 0, 1) };
            match n {
                0 => s.hold_answer(&taken, answer).await,
                _ => {
                    let offer = Settlement::Offer { answer: answer.into() };
                    assert_eq!(s.queue.settle(&taken.lease, offer).await.expect("offer"), Settled::AsAsked);
                }
            }
        }
        s.clock.advance(OPEN_FOR);
        assert_eq!(s.take_one().await.memory.as_deref(), Some(&b"second"[..]));
    }

    async fn an_unheard_answer_by_call_back_comes_before_an_offer_or_a_hold(s) {
        s.accept("lane", "m0").await;
        s.open("lane", "m0").await;
        let taken = s.take_one().await;
        assert_eq!(s.answer("lane", "m0", "a").await, CallBackResult::First);
        let offer = Settlement::Offer { answer: answer(&["part"], 0, 1).into() };
        let offered = s.queue.settle(&taken.lease, offer).await;
        assert!(matches!(offered, Err(QueueError::CallBackPending)), "{offered:?}");
        let again = s.take_one().await;
        assert_eq!(again.answer.as_deref(), Some(&b"a"[..]));
        assert_eq!(s.settle_offer(&again, &["part"], 1).await, Settled::AsAsked);
        assert_eq!(s.answer("lane", "m0", "b").await, CallBackResult::Already);
    }

    async fn a_held_answer_that_is_woken_comes_to_a_worker(s) {
        s.offer(quiet("m0")).await;
        s.settle_hold(&s.take_one().await, &["a", "b"]).await;
        let push = s.open("lane", "p").await;
        assert_eq!(s.claim("lane", &push).await, part("a", true));
        s.confirm_push("lane", &push, true).await;
        s.accept("lane", "text").await;
        let woken = s.take_one().await;
        assert_eq!((woken.lease.id.as_str(), woken.progress.sent, woken.progress.sending), ("m0", 1, None));
        let push = s.open("lane", "p2").await;
        assert_eq!(s.claim("lane", &push).await, ClaimOutcome::NotYet, "a worker has it");
        s.queue.complete(&woken.lease).await.expect("complete");
    }

    async fn an_answer_without_parts_is_refused(s) {
        s.accept("lane", "m0").await;
        s.open("lane", "m0").await;
        let taken = s.take_one().await;
        let offer = Settlement::Offer { answer: answer(&[], 0, 1).into() };
        let refused = s.queue.settle(&taken.lease, offer).await;
        assert!(matches!(refused, Err(QueueError::Invalid(_))), "{refused:?}");
        s.queue.complete(&taken.lease).await.expect("the lease goes on");
    }
}

fn part(bytes: &'static str, more: bool) -> ClaimOutcome {
    ClaimOutcome::Part { bytes: bytes.into(), more }
}

/// An answer with these parts to come. A part goes out again when its claim runs out.
fn answer(parts: &[&'static str], sent: u32, total: u32) -> PushAnswer {
    PushAnswer {
        replies: Some("r".into()),
        memory: None,
        sent,
        parts: parts.iter().copied().map(Bytes::from).collect(),
        total,
        dies_of: None,
        resend: true,
    }
}

impl Subject {
    /// Opens a push that receiver `r` keeps open for [`OPEN_FOR`].
    async fn open(&self, lane_name: &str, push: &str) -> PushTry {
        self.open_for(lane_name, push, OPEN_FOR).await
    }

    async fn open_for(&self, lane_name: &str, push: &str, open_for: Duration) -> PushTry {
        let open = OpenPush { id: id(push), receiver: "r".to_owned(), open_for };
        PushTry { id: id(push), number: self.queue.open(&lane(lane_name), &open).await.expect("open") }
    }

    async fn claim(&self, lane_name: &str, push: &PushTry) -> ClaimOutcome {
        let Claimed { outcome, unsure } = self.claim_full(lane_name, push).await;
        assert_eq!(unsure, 0);
        outcome
    }

    async fn claim_full(&self, lane_name: &str, push: &PushTry) -> Claimed {
        self.queue.claim(&lane(lane_name), &class("c"), push, SECOND).await.expect("claim")
    }

    async fn confirm_push(&self, lane_name: &str, push: &PushTry, written: bool) {
        self.queue.confirm(&lane(lane_name), push, written).await.expect("confirm");
    }

    /// Offers these parts of so many.
    async fn settle_offer(&self, message: &Leased, parts: &[&'static str], total: u32) -> Settled {
        self.settle_offer_lease(&message.lease, parts, 0, total).await
    }

    async fn settle_offer_lease(
        &self,
        lease: &Lease,
        parts: &[&'static str],
        sent: u32,
        total: u32,
    ) -> Settled {
        let offer = Settlement::Offer { answer: answer(parts, sent, total).into() };
        self.queue.settle(lease, offer).await.expect("offer")
    }

    /// Holds a message with all these parts.
    async fn settle_hold(&self, message: &Leased, parts: &[&'static str]) {
        let total = u32::try_from(parts.len()).expect("a test has few parts");
        self.hold_answer(message, answer(parts, 0, total)).await;
    }

    async fn hold_answer(&self, message: &Leased, answer: PushAnswer) {
        let (wakes, reason) = (message.send_state.wakes, "nobody has fetched it".to_owned());
        let hold =
            Settlement::Hold { wakes, hold_for: HOLD, refused: false, reason, answer: Some(answer.into()) };
        assert_eq!(self.queue.settle(&message.lease, hold).await.expect("hold"), Settled::AsAsked);
    }

    async fn news(&self, receiver: &str) -> Vec<Lane> {
        self.queue.news(receiver, Duration::from_millis(1)).await.expect("news")
    }
}
