//! The drainer as a task that doesn't end.

use ::metrics::set_default_local_recorder;
use huixin_queue::prelude::*;
use huixin_queue::spool::SpoolLimits;
use huixin_queue::sqlite::SqliteQueue;
use huixin_queue::{Class, Clock, HeldEffect, Lane, MessageId, NewMessage};

use super::*;
use crate::tests::Broken;

// On one thread: the recorder is of this one only.
#[tokio::test]
async fn a_panic_while_the_spool_is_carried_is_survived_and_everything_is_carried() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("queue.db");
    let queue = Arc::new(SqliteQueue::open(&file, Duration::from_secs(3600), Clock::Store).unwrap());
    let limits = SpoolLimits { max_bytes: 1 << 30, reserve_bytes: 0 };
    let folders = Folders::new(&folder.path().join("spool"), limits, Clock::Store);
    let claimed_spool = ClaimedSpool::open(folders, Duration::from_secs(3600)).unwrap();
    for n in 0..20 {
        let new = NewMessage {
            id: MessageId::new(format!("m{n}")).unwrap(),
            lane: Lane::new(format!("lane{}", n % 3)).unwrap(),
            class: Class::new("c").unwrap(),
            payload: "payload".into(),
            arrived_us: 1_800_000_000_000_000 + n,
            not_after: None,
            held: HeldEffect::Leave,
            late: false,
            dead_reason: None,
        };
        claimed_spool.receiver_spool.own.append(new).await.unwrap();
    }

    // Each entry that the queue takes is counted.
    let recorder = Broken::after(5);
    let _recording = set_default_local_recorder(&recorder);
    let stop = CancellationToken::new();
    let drainer = Drainer::of(claimed_spool, queue.clone(), Duration::from_secs(1)).await.unwrap();
    let carrying = tokio::spawn(drainer.run(stop.clone()));
    let all = async {
        while queue.counts().await.unwrap().open_total() < 20 || recorder.used() < 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("it carries on");
    assert_eq!(queue.counts().await.unwrap().open_total(), 20, "and nothing twice");
    assert_eq!(queue.audit().await.unwrap(), []);
    stop.cancel();
    carrying.await.expect("it does not panic").expect("nothing is left");
}
