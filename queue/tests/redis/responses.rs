//! Answers in the responses of pushes, as far as only Redis can do them wrong.

use huixin_queue::{
    ClaimOutcome, Lane, Leased, MessageId, OpenPush, PushAnswer, PushTry, Settled, Settlement,
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const HOLD_FOR: Duration = Duration::from_secs(600);

pub(super) async fn open_push(queue: &RedisQueue, lane: &str, push: &str) -> PushTry {
    let id = MessageId::new(push).unwrap();
    let open = OpenPush { id: id.clone(), receiver: "r".to_owned(), open_for: SECOND * 5 };
    PushTry { id, number: queue.open(&Lane::new(lane).unwrap(), &open).await.unwrap() }
}

/// An answer of these parts.
pub(super) fn answer(parts: &[&'static str]) -> Box<PushAnswer> {
    Box::new(PushAnswer {
        replies: Some("replies".into()),
        memory: None,
        sent: 0,
        parts: parts.iter().copied().map(bytes::Bytes::from).collect(),
        total: u32::try_from(parts.len()).unwrap(),
        dies_of: None,
        resend: true,
    })
}

/// A server with a queue under the prefix `p`, and its time.
struct Bench {
    server: RedisServer,
    queue: RedisQueue,
    clock: TestClock,
    calls: u64,
}

impl Bench {
    fn new() -> Self {
        let (server, clock) = (RedisServer::start(&[]), TestClock::at(START_US));
        let queue = open_with_prefix(server.url(), "p".into(), Clock::Test(clock.clone()));
        Self { server, queue, clock, calls: 0 }
    }

    async fn take(&mut self) -> Leased {
        self.calls += 1;
        self.queue.take(&request(self.calls)).await.unwrap().messages.remove(0)
    }

    /// Accepts a message for the lane `lane`, and offers or holds its answer.
    async fn answer(&mut self, id: &str, is_offered: bool, parts: &[&'static str]) {
        self.queue.accept(NewMessage { held: HeldEffect::Leave, ..message("lane", id) }).await.unwrap();
        let lease = self.take().await.lease;
        let answer = answer(parts);
        let (wakes, refused, reason) = (0, false, "nobody came".to_owned());
        let settlement = match is_offered {
            true => Settlement::Offer { answer },
            false => Settlement::Hold { wakes, hold_for: HOLD_FOR, refused, reason, answer: Some(answer) },
        };
        assert_eq!(self.queue.settle(&lease, settlement).await.unwrap(), Settled::AsAsked);
    }

    async fn claim(&self, push: &PushTry) -> ClaimOutcome {
        self.queue.claim(&lane(), &Class::new("c").unwrap(), push, SECOND).await.unwrap().outcome
    }

    async fn confirm(&self, push: &PushTry) {
        self.queue.confirm(&lane(), push, true).await.unwrap();
    }

    /// How often something was written.
    fn writes(&self) -> String {
        let info = self.server.cli(&["INFO", "persistence"]);
        let line = info.lines().find(|line| line.starts_with("rdb_changes_since_last_save:"));
        line.unwrap().to_owned()
    }
}

fn lane() -> Lane {
    Lane::new("lane").unwrap()
}

fn part(bytes: &'static str, more: bool) -> ClaimOutcome {
    ClaimOutcome::Part { bytes: bytes.into(), more }
}

#[tokio::test]
async fn a_claim_applied_after_its_time_claims_nothing() {
    // By Redis's own time, which goes on while the call is under way.
    let queue = open_at(RedisServer::shared().url(), Clock::Store);
    let mut bench = Bench { queue, ..Bench::new() };
    let push = open_push(&bench.queue, "lane", "p").await;
    bench.answer("m", false, &["part"]).await;
    let late = bench.queue.claim(&lane(), &Class::new("c").unwrap(), &push, Duration::ZERO).await.unwrap();
    assert_eq!((late.outcome, late.unsure), (ClaimOutcome::NotYet, 0));
    assert_eq!(bench.claim(&push).await, part("part", false));
}

#[tokio::test]
async fn a_lane_that_is_due_costs_one_look_at_its_record_and_a_receivers_look_costs_no_write() {
    let mut bench = Bench::new();
    for n in 0..2 {
        bench.queue.accept(message("lane", &format!("m{n}"))).await.unwrap();
    }
    let lease = bench.take().await.lease;
    bench.queue.retry(&lease, SECOND, "x").await.unwrap();
    bench.clock.advance(SECOND);
    bench.server.cli(&["CONFIG", "RESETSTAT"]);
    let lease = bench.take().await.lease;
    // Of these only one hmget is the delay's, in place of an hdel.
    let due = "exists 4, get 1, hget 1, hmget 4, hset 2, incr 1, lindex 1, lpop 1, lrange 1, mget 1, rpush 1, set 1, \
        smismember 1, zadd 2, zrange 8, zrangebyscore 1, zrem 1";
    assert_eq!(calls(&bench.server), due);
    let push = open_push(&bench.queue, "lane", "p").await;
    let before = bench.writes();
    assert_eq!(bench.claim(&push).await, ClaimOutcome::NotYet);
    assert_eq!(bench.writes(), before);
    bench.queue.complete(&lease).await.unwrap();
}

#[tokio::test]
async fn a_full_redis_lets_what_is_offered_or_held_come_to_its_end() {
    let mut bench = Bench::new();
    let first = open_push(&bench.queue, "lane", "p1").await;
    bench.answer("m1", false, &["a", "b"]).await;
    bench.queue.accept(NewMessage { held: HeldEffect::Leave, ..message("lane", "m2") }).await.unwrap();
    let lease = bench.take().await.lease;
    bench.server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(bench.claim(&first).await, part("a", true));
    bench.confirm(&first).await;
    let second = open_push(&bench.queue, "lane", "p2").await;
    let offer = Settlement::Offer { answer: answer(&["c"]) };
    assert_eq!(bench.queue.settle(&lease, offer).await.unwrap(), Settled::AsAsked);
    assert_eq!(bench.queue.news("r", SECOND).await.unwrap(), [lane(), lane()]);
    assert_eq!(bench.claim(&second).await, part("b", true));
    bench.confirm(&second).await;
    let third = open_push(&bench.queue, "lane", "p3").await;
    assert_eq!(bench.claim(&third).await, part("c", false));
    bench.confirm(&third).await;
    assert_eq!(bench.queue.counts().await.unwrap().open_total(), 0);
    assert_eq!(bench.queue.audit().await.unwrap(), []);
}

#[tokio::test]
async fn news_is_heard_again_after_the_connection_was_cut_and_by_two_receivers_at_once() {
    let bench = Bench::new();
    open_push(&bench.queue, "lane", "p").await;
    for _ in 0..2 {
        bench.queue.announce(&lane()).await.unwrap();
        assert_eq!(bench.queue.news("r", SECOND).await.unwrap(), [lane()]);
        bench.server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        eventually("the queue has noticed", async || bench.queue.ping().await.ok()).await;
    }
    let lane = lane();
    let (other, ours, _) = tokio::join!(
        bench.queue.news("other", SECOND),
        bench.queue.news("r", SECOND * 30),
        bench.queue.announce(&lane),
    );
    assert_eq!((other.unwrap(), ours.unwrap()), (vec![], vec![lane]));
}

#[tokio::test]
async fn what_is_no_list_of_news_is_set_aside_by_the_next_word() {
    let bench = Bench::new();
    open_push(&bench.queue, "lane", "p").await;
    bench.server.cli(&["SET", "{p:0}:news:r", "garbage"]);
    assert_eq!(bench.queue.news("r", Duration::ZERO).await.unwrap(), []);
    bench.queue.announce(&lane()).await.unwrap();
    assert_eq!(bench.queue.news("r", SECOND).await.unwrap(), [lane()]);
    assert!(bench.server.cli(&["KEYS", "*"]).contains(":news:r"), "it is kept for a look");
}

#[tokio::test]
async fn an_answer_that_can_not_be_read_goes_out_in_no_response_and_its_message_lives() {
    let mut bench = Bench::new();
    bench.answer("held", false, &["a"]).await;
    let push = open_push(&bench.queue, "lane", "p").await;
    bench.answer("offered", true, &["b"]).await;
    let damage = "redis.call('HSET', '{p:0}:run:lane', 'response', '\\007\\147\\193')
        local record = redis.call('HVALS', '{p:0}:held:lane')[1]
        local values = cmsgpack.unpack(record:sub(2))
        values[13] = 'garbage'
        return redis.call('HSET', '{p:0}:held:lane', values[1], '\\007' .. cmsgpack.pack(values))";
    assert_eq!(bench.server.cli(&["EVAL", damage, "0"]), "0\n", "it is replaced");
    assert_eq!(bench.claim(&push).await, ClaimOutcome::NotYet);
    let found = bench.queue.audit().await.unwrap();
    assert!(
        !found.is_empty() && found.iter().all(|one| one.problem.contains("goes out in no response")),
        "{found:?}"
    );
    bench.clock.advance(SECOND * 5);
    let again = bench.take().await;
    assert_eq!((again.lease.id.as_str(), again.progress.sent), ("offered", 0));
    bench.queue.complete(&again.lease).await.unwrap();
    bench.queue.accept(message("lane", "waking")).await.unwrap();
    assert_eq!(bench.take().await.lease.id.as_str(), "held");
    assert_eq!(bench.queue.audit().await.unwrap(), []);
}

#[tokio::test]
async fn a_message_that_is_gone_takes_no_other_with_it_when_its_part_is_written() {
    let mut bench = Bench::new();
    let push = open_push(&bench.queue, "lane", "p").await;
    bench.answer("m1", true, &["part"]).await;
    bench.queue.accept(NewMessage { held: HeldEffect::Leave, ..message("lane", "m2") }).await.unwrap();
    assert_eq!(bench.claim(&push).await, part("part", true));
    bench.server.cli(&["LPOP", "{p:0}:lane:lane"]);
    bench.confirm(&push).await;
    bench.clock.advance(SECOND * 20);
    assert_eq!(bench.take().await.lease.id.as_str(), "m2");
}
