use std::time::Duration;

use huixin_sandbox::{FloodLoad, SandboxAccount, flood};
use tokio_util::sync::CancellationToken;

use crate::support::{Answer, Receiver};

async fn load(receiver: &Receiver, per_second: u32, lasts: Duration) -> FloodLoad {
    let push_url = receiver.serve().await.parse().unwrap();
    let (addresses, text) = (Vec::new(), "flood".to_owned());
    FloodLoad { push_url, addresses, per_second, lasts, users: 3, connections: 2, text }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_counts_acks_and_refusals_and_signs_each_push() {
    let answers = [Answer::Body(503, String::new()), Answer::Body(503, String::new()), Answer::ok("{}")];
    let receiver = Receiver::answering(answers);
    let load = load(&receiver, 100, Duration::from_millis(300)).await;
    let report = flood(&SandboxAccount::named("main"), &load, &CancellationToken::new(), || ()).await;
    assert_eq!((load.pushes(), report.pushed(), report.acked, report.bad_replies), (30, 30, 27, 1));
    assert_eq!((report.refused.into_iter().collect::<Vec<_>>(), report.unsent), (vec![(503, 2)], 0));
    assert_eq!(report.ack_us.len(), 27);
    assert!(report.took >= Duration::from_millis(290), "the last one isn't sent before its time");
    let seen = receiver.seen();
    let users: std::collections::BTreeSet<_> = seen.iter().map(|seen| seen.query["openid"].clone()).collect();
    assert_eq!((seen.len(), users.len()), (30, 3));
    assert!(seen.iter().all(|seen| seen.query["signature"].len() == 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_has_to_wait_for_others_is_late_from_its_own_time() {
    // Both connections wait for their answers in vain, and the rest is late.
    let receiver = Receiver::answering([Answer::Never, Answer::Never]);
    let load = load(&receiver, 100, Duration::from_millis(100)).await;
    let report = flood(&SandboxAccount::named("main"), &load, &CancellationToken::new(), || ()).await;
    assert_eq!((report.timeouts, report.acked, report.unsent), (2, 8, 0));
    assert!(report.ack_us.min() > 4_800_000, "{:?}", report.ack_us.min());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_flood() {
    let load = load(&Receiver::default(), 1, Duration::from_secs(600)).await;
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let report = flood(&SandboxAccount::named("main"), &load, &stop, move || stopping.cancel()).await;
    assert_eq!((report.pushed(), report.unsent), (1, 0));
}
