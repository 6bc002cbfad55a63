//! The journal.

use super::*;
use crate::{JournalFilter, JournalPage, JournalRecord, OpenPush, PushAnswer, PushTry};

impl Subject {
    async fn journal(&self, filter: &JournalFilter) -> JournalPage {
        self.queue.journal(filter, None, 100).await.expect("journal")
    }

    /// What ended, the youngest first.
    async fn records(&self) -> Vec<JournalRecord> {
        self.journal(&JournalFilter::default()).await.records
    }

    /// The only record there is.
    async fn record(&self) -> JournalRecord {
        let mut records = self.records().await;
        assert_eq!(records.len(), 1, "{records:?}");
        records.remove(0)
    }

    async fn end_one(&self, lane: &str, id: &str) {
        self.accept(lane, id).await;
        let taken = self.take_one().await;
        self.queue.complete(&noted(&taken, id)).await.expect("complete");
    }

    async fn push_for(&self, lane_name: &str) -> PushTry {
        let push = OpenPush { id: id("push"), receiver: "r".to_owned(), open_for: 10 * SECOND };
        let number = self.queue.open(&lane(lane_name), &push).await.expect("open");
        PushTry { id: push.id, number }
    }

    async fn write_response(&self, push: &PushTry) {
        let claimed = self.queue.claim(&lane("lane"), &class("c"), push, SECOND).await.expect("claim");
        assert!(matches!(claimed.outcome, crate::ClaimOutcome::Part { .. }), "{claimed:?}");
        self.queue.confirm(&lane("lane"), push, true).await.expect("confirm");
    }
}

fn noted(message: &Leased, note: &str) -> Lease {
    Lease { note: note.to_owned().into(), ..message.lease.clone() }
}

fn one_part() -> Box<PushAnswer> {
    Box::new(PushAnswer {
        replies: Some("r".into()),
        memory: None,
        sent: 0,
        parts: vec!["part".into()],
        total: 1,
        dies_of: None,
        resend: true,
    })
}

/// Who and how, in a word: id, what it died of, failures, losses, sent, note.
fn line(record: &JournalRecord) -> String {
    let JournalRecord { id, dies_of, failures, losses, sent, note, .. } = record;
    let (dies_of, note) = (dies_of.as_deref().unwrap_or("-"), String::from_utf8_lossy(note));
    format!("{id} {dies_of} {failures} {losses} {sent} {note}")
}

fn lines(records: &[JournalRecord]) -> Vec<String> {
    records.iter().map(line).collect()
}

properties! {
    async fn each_end_leaves_one_record_with_its_holders_note(s) {
        s.end_one("a", "m1").await;
        s.clock.advance(SECOND);
        s.accept("b", "m2").await;
        let taken = s.take_one().await;
        s.queue.bury(&noted(&taken, "n2"), "bad").await.expect("bury");
        let records = s.records().await;
        assert_eq!(lines(&records), ["m2 bad 0 0 0 n2", "m1 - 0 0 0 m1"]);
        let JournalRecord { lane: of, class: its_class, arrived_us, ended_ms, .. } = &records[0];
        assert_eq!((of, its_class, *arrived_us), (&lane("b"), &class("c"), START_US));
        assert_eq!(*ended_ms, START_US / 1_000 + 1_000);
    }

    async fn what_comes_again_leaves_no_record(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        s.queue.retry(&noted(&taken, "1"), SECOND, "try").await.expect("retry");
        s.clock.advance(SECOND);
        let taken = s.take_one().await;
        s.queue.snooze(&noted(&taken, "2"), SECOND, "later").await.expect("snooze");
        s.clock.advance(SECOND);
        let taken = s.take_one().await;
        s.queue.release(&noted(&taken, "3")).await.expect("release");
        assert_eq!(s.records().await, []);
        let taken = s.take_one().await;
        let progress = Progress { replies: Some("r".into()), sent: 2, sending: None };
        s.queue.record(&taken.lease, progress, None).await.expect("record");
        s.queue.complete(&noted(&taken, "4")).await.expect("complete");
        assert_eq!(line(&s.record().await), "m - 1 0 2 4");
    }

    async fn a_lost_lease_leaves_no_second_record(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        let lease = noted(&taken, "n");
        s.queue.complete(&lease).await.expect("complete");
        let again = s.queue.settle(&lease, Settlement::Complete).await;
        assert!(matches!(again, Err(QueueError::LeaseLost)), "{again:?}");
        let buried = s.queue.settle(&lease, Settlement::Bury { reason: "x".into() }).await;
        assert!(matches!(buried, Err(QueueError::LeaseLost)), "{buried:?}");
        assert_eq!(line(&s.record().await), "m - 0 0 0 n");
    }

    async fn a_held_message_that_ends_without_a_worker_leaves_the_note_of_its_holder(s) {
        let hold = async |id: &str| {
            s.offer(quiet(id)).await;
            let mut taken = s.take_one().await;
            taken.lease = noted(&taken, &format!("n-{id}"));
            s.hold(&taken, "too late").await;
        };
        hold("expired").await;
        s.pass(HOLD).await;
        s.assert_nothing_to_take().await;
        assert_eq!(line(&s.record().await), "expired too late 0 0 0 n-expired");
        for n in 0..=HELD_MAX {
            hold(&format!("h{n}")).await;
        }
        assert_eq!(line(&s.records().await[0]), "h0 too many messages of its lane were held 0 0 0 n-h0");
        s.offer(NewMessage { held: HeldEffect::Bury, ..message("lane", "bye") }).await;
        let records = s.records().await;
        assert_eq!(records.len(), HELD_MAX + 2);
        assert_eq!(line(&records[0]), "h20 a later message of its lane ended the right to answer 0 0 0 n-h20");
    }

    async fn with_its_last_worker_a_message_leaves_the_last_note_that_a_holder_confirmed(s) {
        s.accept("lane", "m").await;
        for note in ["1", "2", "3"] {
            let taken = s.take_one().await;
            let renewed = s.queue.renew(&[noted(&taken, note)], LEASE).await.expect("renew");
            assert_eq!(renewed, [Renewal::Kept]);
            // A renewal without a note leaves it.
            s.confirm(std::slice::from_ref(&taken)).await;
            s.pass(LEASE + SECOND).await;
        }
        s.assert_nothing_to_take().await;
        let record = s.record().await;
        assert_eq!(record.losses, LOSSES_MAX);
        assert!(line(&record).starts_with("m 3 workers died"), "{record:?}");
        assert_eq!(&record.note[..], b"3");
    }

    async fn an_answer_written_in_a_response_leaves_the_note_of_its_offer_or_hold(s) {
        s.accept("lane", "offered").await;
        let push = s.push_for("lane").await;
        let taken = s.take_one().await;
        let offer = Settlement::Offer { answer: one_part() };
        assert_eq!(s.queue.settle(&noted(&taken, "o"), offer).await.expect("offer"), Settled::AsAsked);
        s.write_response(&push).await;
        assert_eq!(line(&s.record().await), "offered - 0 0 1 o");
        s.offer(quiet("held")).await;
        let taken = s.take_one().await;
        let hold = Settlement::Hold {
            wakes: taken.send_state.wakes, hold_for: HOLD, refused: false, reason: "x".into(), answer: Some(one_part()),
        };
        s.queue.settle(&noted(&taken, "h"), hold).await.expect("hold");
        let push = PushTry { number: 1, id: id("another") };
        let open = OpenPush { id: push.id.clone(), receiver: "r".to_owned(), open_for: 10 * SECOND };
        s.queue.open(&lane("lane"), &open).await.expect("open");
        s.write_response(&push).await;
        assert_eq!(line(&s.records().await[0]), "held - 0 0 1 h");
    }

    async fn a_message_dead_on_arrival_leaves_a_record(s) {
        s.offer(dead_on_arrival("m")).await;
        assert_eq!(line(&s.record().await), "m x 0 0 0 ");
    }

    async fn a_note_that_is_too_long_is_left_out(s) {
        s.accept("lane", "m").await;
        let taken = s.take_one().await;
        let long = "n".repeat(crate::NOTE_MAX_BYTES + 1);
        s.queue.complete(&noted(&taken, &long)).await.expect("complete");
        assert_eq!(line(&s.record().await), "m - 0 0 0 ");
    }

    async fn the_journal_comes_in_pages_and_is_searched_by_message_lane_class_and_time(s) {
        for n in 0..5 {
            s.end_one(["a", "b"][n % 2], &format!("m{n}")).await;
            s.clock.advance(SECOND);
        }
        let found = async |filter: JournalFilter| {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = s.queue.journal(&filter, after.as_ref(), 2).await.expect("journal");
                assert!(page.records.len() <= 2);
                found.extend(page.records.iter().map(|record| record.id.to_string()));
                after = page.next;
                if after.is_none() {
                    return found;
                }
            }
        };
        let all = JournalFilter::default;
        assert_eq!(found(all()).await, ["m4", "m3", "m2", "m1", "m0"]);
        assert_eq!(found(JournalFilter { lane: Some(lane("b")), ..all() }).await, ["m3", "m1"]);
        assert_eq!(found(JournalFilter { id: Some(id("m2")), ..all() }).await, ["m2"]);
        assert_eq!(found(JournalFilter { class: Some(class("d")), ..all() }).await, [""; 0]);
        let start_ms = START_US / 1_000;
        let times = JournalFilter { since_ms: Some(start_ms + 1_000), until_ms: Some(start_ms + 3_000), ..all() };
        assert_eq!(found(times).await, ["m2", "m1"]);
    }

    async fn the_oldest_records_go_first_by_size_and_age(s) {
        for n in 0..1_000 {
            s.end_one("lane", &format!("m{n}")).await;
            s.clock.advance(SECOND);
        }
        let size = s.queue.trim_journal(u64::MAX, HOLD).await.expect("trim");
        assert_eq!((size.records, size.oldest_ms), (1_000, Some(START_US / 1_000)));
        let size = s.queue.trim_journal(size.bytes / 2, HOLD).await.expect("trim");
        assert!((300..=650).contains(&size.records), "{size:?}");
        assert_eq!(line(&s.records().await[0]), "m999 - 0 0 0 m999");
        let size = s.queue.trim_journal(u64::MAX, 200 * SECOND).await.expect("trim");
        assert!((200..=300).contains(&size.records), "{size:?}");
        let size = s.queue.trim_journal(0, HOLD).await.expect("trim");
        assert_eq!((size.records, s.records().await.len()), (0, 0));
    }

    async fn a_lane_is_forgotten_and_the_others_are_not(s) {
        for n in 0..4 {
            s.end_one(["a", "b"][n % 2], &format!("m{n}")).await;
        }
        assert_eq!(s.queue.forget_journal(&lane("a")).await.expect("forget"), 2);
        assert_eq!(lines(&s.records().await), ["m3 - 0 0 0 m3", "m1 - 0 0 0 m1"]);
    }

    async fn a_journal_that_is_not_kept_gets_no_records(s) {
        s.queue.keep_journal(false).await.expect("keep");
        s.end_one("lane", "m1").await;
        s.queue.keep_journal(true).await.expect("keep");
        s.end_one("lane", "m2").await;
        assert_eq!(lines(&s.records().await), ["m2 - 0 0 0 m2"]);
    }
}
