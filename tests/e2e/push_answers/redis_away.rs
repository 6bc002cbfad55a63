//! Redis hangs under an account that answers in the responses to pushes.

use std::time::{Duration, Instant};

use super::users::{User, link_in};
use super::without_the_right;
use super::words::Ask;
use crate::harness::{Backend, Name};

/// How long a receiver waits for Redis before it turns to its spool, and some time for a busy machine.
const ACKED_WITHIN: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_hangs_a_push_gets_the_notice_and_its_answer_is_fetched_when_it_is_back() {
    let backend = Backend::saying(Ask::said_to).await;
    let (stack, [receiver, _worker]) = without_the_right("", &backend).await;
    let (wechat, redis) = (&stack.sandbox.sandbox, stack.redis.as_ref().expect("it is on Redis"));
    let users = [0, 1].map(|number| User { account: "main", number });
    redis.signal("-STOP");
    let mut links = Vec::new();
    for (number, user) in users.iter().enumerate() {
        let ask = Ask { name: Name { user: number, number: 0 }, parts: 1, takes_ms: 0 };
        let began = Instant::now();
        let told = wechat.push(user.asks(ask)).await;
        let took = began.elapsed();
        // The first waits for Redis, as long as any push does; the second finds that it is away.
        assert!(told.tries.len() == 1 && (number == 0 || took < ACKED_WITHIN), "{took:?}: {told:?}");
        links.push(link_in(&told).expect("it is the notice"));
    }
    redis.signal("-CONT");
    receiver.wait_for_log("the spooled pushes are in the queue").await;
    for (user, link) in users.iter().zip(links) {
        let fetched = wechat.push(user.taps(link)).await;
        assert_eq!((fetched.tries.len(), link_in(&fetched).is_none()), (1, true), "{fetched:?}");
        assert_eq!(stack.texts_to(&user.open_id()).len(), 2, "the notice and the answer");
    }
    stack.end().await;
}
