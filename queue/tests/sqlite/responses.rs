//! Answers for responses of pushes, as far as a file matters.

use huixin_queue::{
    CLAIM_FOR, ClaimOutcome, Claimed, HeldEffect, OpenPush, PushAnswer, PushTry, Settled, Settlement,
};

use super::*;

const OPEN_FOR: Duration = Duration::from_secs(5);
const HOLD_FOR: Duration = Duration::from_secs(600);

fn lane(name: &str) -> Lane {
    Lane::new(name).unwrap()
}

async fn push(queue: &SqliteQueue, name: &str) -> PushTry {
    let id = huixin_queue::MessageId::new(format!("push of {name}")).unwrap();
    let open = OpenPush { id: id.clone(), receiver: "r".to_owned(), open_for: OPEN_FOR };
    PushTry { id, number: queue.open(&lane(name), &open).await.unwrap() }
}

async fn claim(queue: &SqliteQueue, name: &str, push: &PushTry) -> Result<Claimed, QueueError> {
    queue.claim(&lane(name), &Class::new("c").unwrap(), push, SECOND).await
}

/// Brings a message of the lane to a worker, and its answer of two parts to a push, or to be held.
async fn answer(queue: &SqliteQueue, name: &str, offered: bool) {
    queue.accept(NewMessage { held: HeldEffect::Leave, ..message(name, name) }).await.unwrap();
    let taken = take(queue, 1).await.remove(0);
    let answer = Box::new(PushAnswer {
        replies: Some("replies".into()),
        memory: None,
        sent: 0,
        parts: ["a", "b"].map(bytes::Bytes::from).into(),
        total: 2,
        dies_of: None,
        resend: true,
    });
    let hold = |answer| Settlement::Hold {
        wakes: 0,
        hold_for: HOLD_FOR,
        refused: false,
        reason: "nobody came".to_owned(),
        answer: Some(answer),
    };
    let settlement = if offered { Settlement::Offer { answer } } else { hold(answer) };
    assert_eq!(queue.settle(&taken.lease, settlement).await.unwrap(), Settled::AsAsked);
}

fn part(bytes: &'static str, unsure: u32) -> Claimed {
    Claimed { outcome: ClaimOutcome::Part { bytes: bytes.into(), more: true }, unsure }
}

#[tokio::test]
async fn a_file_made_before_pushes_were_kept_open_gets_what_that_needs() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    queue.accept(message("older", "older")).await.unwrap();
    drop(queue);
    file.sql(
        "DROP TRIGGER message_response_out; DROP TRIGGER held_response_out; DROP TABLE response; DROP TABLE part;
         DROP TABLE push; DROP TABLE newest;",
    );
    let queue = file.open(Clock::Store);
    queue.complete(&take(&queue, 1).await.remove(0).lease).await.unwrap();
    let push = push(&queue, "lane").await;
    answer(&queue, "lane", true).await;
    assert_eq!(claim(&queue, "lane", &push).await.unwrap(), part("a", 0));
    queue.confirm(&lane("lane"), &push, true).await.unwrap();
    assert_eq!(take(&queue, 1).await[0].progress.sent, 1);
    assert_eq!(queue.audit().await.unwrap(), []);
}

#[tokio::test]
async fn offers_and_claims_go_on_with_the_next_process_and_end_at_their_times() {
    let (file, clock) = (File::new(), TestClock::at(START_US));
    let queue = file.open(Clock::Test(clock.clone()));
    let mut pushes = BTreeMap::new();
    for (name, offered) in
        [("offered", true), ("lapses", true), ("claimed", true), ("unsure", true), ("held", false)]
    {
        pushes.insert(name, push(&queue, name).await);
        answer(&queue, name, offered).await;
        if matches!(name, "claimed" | "unsure" | "held") {
            assert_eq!(claim(&queue, name, &pushes[name]).await.unwrap(), part("a", 0));
        }
    }
    drop(queue);
    let queue = file.open(Clock::Test(clock.clone()));
    assert_eq!(queue.audit().await.unwrap(), []);
    assert!(take(&queue, 9).await.is_empty());
    assert_eq!(claim(&queue, "offered", &pushes["offered"]).await.unwrap(), part("a", 0));
    for name in ["offered", "claimed"] {
        queue.confirm(&lane(name), &pushes[name], true).await.unwrap();
    }
    let sent = |taken: &[Leased]| {
        let sent =
            taken.iter().map(|one| (one.lease.id.to_string(), one.progress.sent, one.progress.sending));
        sent.collect::<BTreeSet<_>>()
    };
    let next = |call| TakeRequest { call, ..request(9) };
    let again = queue.take(&next(2)).await.unwrap().messages;
    assert_eq!(sent(&again), [("claimed".to_owned(), 1, None), ("offered".to_owned(), 1, None)].into());
    clock.advance(CLAIM_FOR);
    drop(queue);
    let queue = file.open(Clock::Test(clock.clone()));
    let again = queue.take(&next(3)).await.unwrap().messages;
    let lost = again.iter().filter(|one| one.losses > 0).count();
    assert_eq!((again.len(), lost), (4, 2), "only leases end with their process");
    let again: Vec<_> = again.into_iter().filter(|one| one.losses == 0).collect();
    assert_eq!(sent(&again), [("lapses".to_owned(), 0, None), ("unsure".to_owned(), 0, Some(0))].into());
    let later = push(&queue, "held").await;
    assert_eq!(later.number, 2);
    assert_eq!(claim(&queue, "held", &later).await.unwrap(), part("a", 0), "it went out for this push");
    clock.advance(CLAIM_FOR * 2);
    let later = push(&queue, "held").await;
    assert_eq!((later.number, claim(&queue, "held", &later).await.unwrap()), (1, part("a", 1)));
    assert_eq!(queue.audit().await.unwrap(), []);
}

#[tokio::test]
async fn looking_for_a_part_in_vain_writes_nothing() {
    let file = File::new();
    let queue = file.open(Clock::Store);
    let (older, newer) = (push(&queue, "lane").await, push(&queue, "lane").await);
    queue.accept(message("lane", "m")).await.unwrap();
    let outside = rusqlite::Connection::open(&file.path).unwrap();
    let version = || outside.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = version();
    for (push, expected) in [(&older, ClaimOutcome::Superseded), (&newer, ClaimOutcome::NotYet)] {
        assert_eq!(claim(&queue, "lane", push).await.unwrap(), Claimed { outcome: expected, unsure: 0 });
    }
    queue.announce(&lane("lane")).await.unwrap();
    assert_eq!(version(), before);
    push(&queue, "lane").await;
    assert_ne!(version(), before, "what is written can be seen so");
}

#[tokio::test]
async fn pushes_are_forgotten_as_new_ones_come() {
    let (file, clock) = (File::new(), TestClock::at(START_US));
    let queue = file.open(Clock::Test(clock.clone()));
    for n in 0..20 {
        push(&queue, &format!("old{n}")).await;
    }
    clock.advance(HOLD_FOR);
    for n in 0..20 {
        push(&queue, &format!("new{n}")).await;
    }
    assert_eq!(file.number("SELECT count(*) FROM push"), 20);
    assert_eq!(file.number("SELECT count(*) FROM newest"), 20);
}

/// What somebody may do to what is kept of one lane.
const DAMAGES: &[&str] = &[
    "UPDATE response SET lane = CAST(x'ff' AS TEXT) WHERE lane = 'bad'",
    "UPDATE response SET total = -1 WHERE lane = 'bad'",
    "UPDATE response SET dies_of = CAST(x'ff' AS TEXT) WHERE lane = 'bad'",
    "UPDATE response SET push = CAST(x'ff' AS TEXT), try = -1, claimed_until_us = NULL WHERE lane = 'bad'",
    "UPDATE response SET offered_until_us = NULL, claimed_until_us = -1 WHERE lane = 'bad'",
    "UPDATE response SET held = 999, seq = NULL WHERE lane = 'bad'",
    "DELETE FROM response WHERE lane = 'bad'",
    "DELETE FROM part WHERE response IN (SELECT no FROM response WHERE lane = 'bad')",
    "UPDATE held SET sent = -1, reason = CAST(x'ff' AS TEXT) WHERE lane = 'bad'",
    "UPDATE head SET sent = -1",
    "UPDATE push SET tries = -1, part = NULL, more = 7 WHERE id = 'push of bad'",
    "UPDATE newest SET push = CAST(x'ff' AS TEXT), receiver = CAST(x'ff' AS TEXT) WHERE lane = 'bad'",
];

#[tokio::test]
async fn a_damaged_answer_costs_no_other_and_its_message_ends() {
    for offered in [false, true] {
        for claimed in [false, true] {
            for damage in DAMAGES {
                let when = format!("offered {offered}, claimed {claimed}: {damage}");
                let (file, clock) = (File::new(), TestClock::at(START_US));
                let queue = file.open(Clock::Test(clock.clone()));
                let bad = push(&queue, "bad").await;
                answer(&queue, "bad", offered).await;
                let good = push(&queue, "good").await;
                answer(&queue, "good", false).await;
                if claimed {
                    claim(&queue, "bad", &bad).await.unwrap();
                }
                file.sql(&format!("PRAGMA ignore_check_constraints = ON; {damage};"));
                // It may say that this lane is damaged, and nothing worse.
                let is_its_own = |fault: &QueueError| matches!(fault, QueueError::Damaged { .. });
                let asked = claim(&queue, "bad", &bad).await;
                assert!(asked.as_ref().err().is_none_or(is_its_own), "{when}: {asked:?}");
                let confirmed = queue.confirm(&lane("bad"), &bad, true).await;
                assert!(confirmed.as_ref().err().is_none_or(is_its_own), "{when}: {confirmed:?}");
                assert_eq!(claim(&queue, "good", &good).await.unwrap(), part("a", 0), "{when}");
                queue.confirm(&lane("good"), &good, true).await.unwrap();
                end(&queue, &clock, &when).await;
            }
        }
    }
}

/// Lets everything come to its end.
async fn end(queue: &SqliteQueue, clock: &TestClock, when: &str) {
    for call in 2..40 {
        let taken = queue.take(&TakeRequest { call, ..request(9) }).await;
        for leased in taken.unwrap_or_else(|error| panic!("{when}: {error}")).messages {
            queue.complete(&leased.lease).await.unwrap();
        }
        clock.advance(HOLD_FOR / 30);
        queue.beat().await.unwrap();
    }
    assert_eq!(queue.counts().await.unwrap().open_total(), 0, "{when}");
    let audit = queue.audit().await.unwrap();
    assert!(audit.iter().all(|found| found.problem.contains("set aside")), "{when}: {audit:?}");
}
