//! Rows that can't be read, contradict each other or are missing: each costs at most what its own lane held.

use huixin_queue::Settlement;

use super::*;

/// What somebody may do to the file.
const DAMAGES: &[&str] = &[
    "UPDATE message SET id = CAST(x'ff' AS TEXT) WHERE id = 'b1'",
    "UPDATE message SET class = CAST(x'fffe' AS TEXT) WHERE id = 'b1'",
    "UPDATE lane SET name = CAST(x'ff' AS TEXT) WHERE name = 'bad'",
    "UPDATE lane SET worker = CAST(x'ff' AS TEXT), token = CAST(x'ff' AS TEXT) WHERE name = 'bad'",
    "UPDATE lane SET current = 99999 WHERE name = 'bad'",
    "UPDATE lane SET current = NULL WHERE name = 'bad'",
    "UPDATE lane SET sends = -1 WHERE name = 'bad'",
    "DELETE FROM message WHERE id = 'b1'",
    "DELETE FROM head",
    "UPDATE head SET failures = 99999999999, losses = -1, snoozes = -7",
    "UPDATE head SET last_error = CAST(x'ff' AS TEXT), lost_by = CAST(x'ff' AS TEXT)",
    "UPDATE head SET sent = -1, sending = -1, triggers = -1",
    "UPDATE held SET id = CAST(x'ff' AS TEXT)",
    "UPDATE held SET class = CAST(x'ff' AS TEXT), reason = CAST(x'fe' AS TEXT)",
    "UPDATE held SET failures = 99999999999",
    "DELETE FROM held",
    "UPDATE class SET open = -3, ready = -1",
    "INSERT INTO class (name, open, ready) VALUES (CAST(x'ff' AS TEXT), 1, 1)",
    "UPDATE take SET token = CAST(x'ff' AS TEXT), lanes = 'garbage'",
    "INSERT INTO paused (scope, since_us, reason) VALUES (CAST(x'ff' AS TEXT), -1, CAST(x'ff' AS TEXT))",
    "INSERT INTO dead (id, lane, class, arrived_us, died_us, reason, failures, losses, on_arrival, payload)
        VALUES (CAST(x'ff' AS TEXT), CAST(x'ff' AS TEXT), CAST(x'ff' AS TEXT), -1, 1, CAST(x'ff' AS TEXT), -1, 99999999999, 0, x'')",
];

async fn prepare(queue: &SqliteQueue, stage: &str) {
    if stage == "idle" {
        return;
    }
    queue
        .accept(NewMessage { late: stage == "late", ..message("bad", "b1") })
        .await
        .expect("the queue serves");
    if matches!(stage, "waiting" | "late") {
        return;
    }
    let lease = queue
        .take(&TakeRequest { call: 1, ..request(1) })
        .await
        .expect("the queue serves")
        .messages
        .remove(0)
        .lease;
    let settlement = match stage {
        "leased" => return,
        "delayed" => Settlement::Retry { after: SECOND * 5, patience: SECOND * 60, reason: "x".to_owned() },
        _ => Settlement::Hold {
            wakes: 0,
            hold_for: SECOND * 20,
            refused: true,
            reason: "x".to_owned(),
            answer: None,
        },
    };
    queue.settle(&lease, settlement).await.expect("the queue serves");
}

#[tokio::test]
async fn what_is_damaged_of_a_lane_costs_no_other_message() {
    for stage in ["idle", "waiting", "late", "leased", "delayed", "held"] {
        for damage in DAMAGES {
            let (file, clock) = (File::new(), TestClock::at(START_US));
            let queue = file.open(Clock::Test(clock.clone()));
            prepare(&queue, stage).await;
            file.sql(&format!("PRAGMA ignore_check_constraints = ON; {damage};"));
            let when = format!("{stage}: {damage}");
            let lanes: Vec<String> = (0..5).map(|n| format!("lane{n}")).chain(["bad".to_owned()]).collect();
            for lane in &lanes {
                let accepted = queue.accept(message(lane, &format!("{lane}-new"))).await;
                assert_eq!(
                    accepted.unwrap_or_else(|error| panic!("{when}: {error}")),
                    Accepted::New,
                    "{when}"
                );
            }
            queue.ping().await.unwrap();
            queue.counts().await.unwrap_or_else(|error| panic!("{when}: {error:?}"));
            queue
                .dead(&DeadFilter::default(), None, 10)
                .await
                .unwrap_or_else(|error| panic!("{when}: {error:?}"));
            queue.paused().await.unwrap_or_else(|error| panic!("{when}: {error:?}"));
            queue.lane(&Lane::new("bad").unwrap()).await.unwrap_or_else(|error| panic!("{when}: {error:?}"));
            queue.audit().await.unwrap_or_else(|error| panic!("{when}: {error:?}"));
            let (mut handled, mut reply) = (Vec::new(), 0);
            for call in 2..47 {
                let taken = queue.take(&TakeRequest { call, ..request(100) }).await;
                let taken = taken.unwrap_or_else(|error| panic!("{when}: {error:?}"));
                reply += taken.damaged.len();
                for leased in taken.messages {
                    queue.complete(&leased.lease).await.unwrap_or_else(|error| panic!("{when}: {error:?}"));
                    handled.push(leased.lease.id.to_string());
                }
                clock.advance(SECOND);
            }
            // A lane whose name is gone takes those with it that came before.
            for id in lanes.iter().map(|lane| format!("{lane}-new")) {
                assert_eq!(
                    handled.iter().filter(|one| **one == id).count(),
                    1,
                    "{when}: {id} among {handled:?}"
                );
            }
            let aside = file.number("SELECT count(*) FROM damaged");
            assert_eq!(aside, reply as u64, "{when}: it is reported once");
            let audit = queue.audit().await.unwrap();
            let named = audit.iter().filter(|violation| violation.problem.contains("set aside")).count();
            assert_eq!(aside, named as u64, "{when}: {audit:?}");
        }
    }
}
