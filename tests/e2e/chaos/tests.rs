//! The watch and the post-mortem, on what was planted for them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use huixin_queue::spool::{Folders, SpoolLimits};
use huixin_queue::testing::{ReferenceQueue, Settling as _};
use huixin_queue::{
    Class, Clock, Consumer, HeldEffect, MessageId, NewMessage, Producer, TakeRequest, WorkerId,
};

use super::lane_of;
use super::post_mortem::{Places, dead_letters, report};
use super::traffic::Ids;
use super::watch::{AT_MOST, Unmoved};
use crate::harness::{Blow, History, Name, PATIENCE, Step, Strike};

const SECOND_US: u64 = 1_000_000;

fn message(name: Name) -> NewMessage {
    NewMessage {
        id: id(name),
        lane: lane_of(name.user),
        class: Class::new("main").expect("it is short"),
        payload: Bytes::new(),
        arrived_us: 0,
        not_after: None,
        held: HeldEffect::Leave,
        late: false,
        dead_reason: None,
    }
}

fn id(name: Name) -> MessageId {
    MessageId::new(format!("id-{name}")).expect("it is short")
}

#[tokio::test]
async fn a_message_is_found_wherever_it_lies() {
    let [buried, waiting, spooled, gone] = [0, 1, 2, 3].map(|user| Name { user, number: 7 });
    let queue = ReferenceQueue::new(Duration::from_secs(60), Clock::Store);
    queue.accept(message(buried)).await.unwrap();
    let request = TakeRequest {
        max: 1,
        classes: [Class::new("main").unwrap()].into(),
        worker: WorkerId::new("worker"),
        call: 1,
        lease_for: Duration::from_secs(5),
        suspect: false,
    };
    let lease = queue.take(&request).await.unwrap().messages.remove(0).lease;
    queue.bury(&lease, "it was planted").await.unwrap();
    queue.accept(message(waiting)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let limits = SpoolLimits { max_bytes: u64::MAX, reserve_bytes: 0 };
    let spool = Folders::new(directory.path(), limits, Clock::Store).claim().unwrap();
    spool.append(message(spooled)).await.unwrap();
    drop(spool);

    let names = [buried, waiting, spooled, gone];
    let ids: Ids = names.map(|name| (id(name), name)).into();
    let mut history = History::default();
    for name in names {
        history.add(20 * SECOND_US, name, Step::Pushed);
        history.add(21 * SECOND_US, name, Step::Acked);
    }
    let strike = |second: u64, what: &str| Strike {
        from_us: second * SECOND_US,
        to_us: second * SECOND_US,
        blow: Blow::Hit,
        what: what.to_owned(),
    };
    history.strike(strike(22, "the second"));
    history.strike(strike(19, "the first"));
    history.strike(strike(90, "long after"));

    let folder = directory.path().join("0");
    let in_folder = format!("2/7 id-2/7: in {} for ", folder.display());
    let letters = dead_letters(&queue).await;
    let began = Instant::now();
    let report = loop {
        let places = Places::find(&letters, directory.path()).await;
        let report = report(&queue, &places, &history, &ids, &history.judge().suspects()).await;
        // Other tests start processes, and for a moment such a child has the folder's lock too.
        if report.contains(&in_folder) || began.elapsed() > PATIENCE {
            break report;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let found: Vec<_> = report.split("\n").filter(|line| line.contains("/7 ")).collect();
    assert_eq!(found[0], "0/7 id-0/7: dead letter: it was planted");
    assert_eq!(found[1], "1/7 id-1/7: waiting, number 1 in its lane, which is Ready");
    assert!(found[2].starts_with(&in_folder), "{report}");
    assert_eq!(found[3], "3/7 id-3/7: nowhere, and its lane is empty");
    let [first, second] = ["-1.000 s to -1.000 s: the first", "+2.000 s to +2.000 s: the second"]
        .map(|fault| report.find(fault).unwrap_or_else(|| panic!("{fault}: {report}")));
    assert!(first < second && !report.contains("long after"), "{report}");
}

#[test]
fn what_stands_too_long_while_redis_serves_is_found_once_and_what_moves_is_not() {
    let mut standing = Unmoved::default();
    for look in 0..20 {
        standing.look(vec!["still".to_owned(), format!("moving {look}")], Duration::from_secs(1));
    }
    assert_eq!((standing.too_long, standing.longest), (vec!["still".to_owned()], Duration::from_secs(19)));
    let mut away = Unmoved::default();
    for _ in 0..20 {
        away.look(vec!["still"], Duration::ZERO);
    }
    assert_eq!((away.too_long.len(), away.longest < AT_MOST), (0, true));
}
