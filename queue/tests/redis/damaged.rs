//! Keys of the wrong type, bytes that can't be read, records that are missing: each costs at most what its own lane held.

use super::responses::{answer, open_push};
use super::*;
use huixin_queue::{Lane, Leased, PushTry, Scope, Settled, Settlement};

const LEASE: Duration = Duration::from_secs(15);
const SECOND: Duration = Duration::from_secs(1);

/// A queue on a server of its own, with a lane called `bad` among others.
struct Bench {
    server: RedisServer,
    queue: RedisQueue,
    clock: TestClock,
    worker: WorkerId,
    call: u64,
    handled: Vec<String>,
    reply: Vec<String>,
    when: String,
}

impl Bench {
    fn new() -> Self {
        let (server, clock) = (RedisServer::start(&[]), TestClock::at(START_US));
        let queue = open_with_prefix(server.url(), "p".into(), Clock::Test(clock.clone()));
        let (handled, reply) = (Vec::new(), Vec::new());
        Self {
            server,
            queue,
            clock,
            worker: WorkerId::new("worker"),
            call: 0,
            handled,
            reply,
            when: String::new(),
        }
    }

    fn again(&mut self) {
        self.server.cli(&["FLUSHALL"]);
        (self.handled, self.reply) = (Vec::new(), Vec::new());
    }

    fn damage(&self, script: &str) {
        let said = self.server.cli(&["EVAL", script, "0"]);
        assert!(!said.contains("ERR"), "{script}: {said}");
    }

    async fn accept(&self, lane: &str, id: &str) {
        let accepted = self.queue.accept(message(lane, id)).await;
        assert_eq!(accepted.expect("it is stored"), Accepted::New, "{id}");
    }

    async fn take(&mut self) -> Vec<Leased> {
        self.call += 1;
        let request = TakeRequest { worker: self.worker.clone(), ..request(self.call) };
        let taken = self.queue.take(&request).await.expect("a take never fails for what is damaged");
        self.reply
            .extend(taken.damaged.into_iter().map(|damaged| format!("{} {}", damaged.name, damaged.problem)));
        taken.messages
    }

    /// Takes and completes whatever comes while time passes.
    async fn work(&mut self) {
        for _ in 0..15 {
            for leased in self.take().await {
                let completed = self.queue.complete(&leased.lease).await;
                completed.unwrap_or_else(|error| {
                    panic!("what was given can be completed, {}: {error}", self.when)
                });
                self.handled.push(leased.lease.id.to_string());
            }
            self.clock.advance(SECOND * 3);
        }
    }

    /// Brings a message of the lane into a state in which it has something to lose.
    async fn prepare(&mut self, stage: &str) {
        if stage == "idle" {
            return;
        }
        if stage == "offered" {
            open_push(&self.queue, "bad", "bad").await;
        }
        self.queue
            .accept(NewMessage { late: stage == "late", ..message("bad", "b1") })
            .await
            .expect("accept");
        if matches!(stage, "waiting" | "late") {
            return;
        }
        let lease = self.take().await.remove(0).lease;
        let settlement = match stage {
            "leased" => return,
            "delayed" => {
                let reason = "x".to_owned();
                Settlement::Retry { after: SECOND * 5, patience: SECOND * 60, reason }
            }
            "offered" => Settlement::Offer { answer: answer(&["part"]) },
            _ => Settlement::Hold {
                wakes: 0,
                hold_for: SECOND * 20,
                refused: true,
                reason: "x".to_owned(),
                answer: (stage == "answered").then(|| answer(&["part"])),
            },
        };
        assert_eq!(self.queue.settle(&lease, settlement).await.expect("it is settled"), Settled::AsAsked);
    }

    /// What a receiver does for a push of the lane `bad`, and for another one.
    async fn respond(&self) {
        let lane = Lane::new("bad").expect("fits");
        let known = PushTry { id: huixin_queue::MessageId::new("bad").expect("fits"), number: 1 };
        for push in [known, open_push(&self.queue, "bad", "next").await] {
            let claimed = self.queue.claim(&lane, &Class::new("c").expect("fits"), &push, SECOND).await;
            claimed.unwrap_or_else(|error| {
                panic!("a claim never fails for what is damaged, {}: {error}", self.when)
            });
            self.queue.confirm(&lane, &push, true).await.expect("nor does its end");
        }
        self.queue.announce(&lane).await.expect("nor does the news");
        self.queue.news("r", Duration::ZERO).await.expect("nor does hearing it");
    }

    async fn audit(&self) -> String {
        let found = self.queue.audit().await.expect("an audit never fails for what is damaged");
        found.iter().map(|violation| format!("{}: {}\n", violation.lane, violation.problem)).collect()
    }
}

/// What somebody may do to the keys of the lane `bad`, in Lua; `k` is the prefix.
fn damages_of_a_lane(stage: &str) -> Vec<String> {
    let mut damages = Vec::new();
    let mut kinds = vec!["lane", "older", "run", "held", "memory", "sends"];
    if stage == "offered" {
        kinds.extend(["newest", "push"]);
    }
    for kind in kinds {
        let key = format!("'{{p:0}}:{kind}:bad'");
        damages.push(format!("redis.call('DEL', {key}); redis.call('SET', {key}, 'garbage')"));
        damages.push(format!("redis.call('DEL', {key}); redis.call('SADD', {key}, 'garbage')"));
        damages.push(format!("redis.call('DEL', {key})"));
        damages.push(format!("redis.pcall('LPUSH', {key}, 'garbage')"));
        damages.push(format!("redis.pcall('LPUSH', {key}, '\\006\\255\\254')"));
        damages.push(format!("redis.pcall('LSET', {key}, 0, '\\006\\193\\255\\255')"));
        damages.push(format!(
            "for _, f in ipairs(redis.call('TYPE', {key}).ok == 'hash' and redis.call('HKEYS', {key}) or {{}}) do
                redis.call('HSET', {key}, f, '\\006\\193\\255') end"
        ));
    }
    damages
}

#[tokio::test]
async fn what_is_damaged_of_a_lane_costs_no_other_message() {
    let mut bench = Bench::new();
    for stage in ["idle", "waiting", "late", "leased", "delayed", "held", "offered", "answered"] {
        for damage in damages_of_a_lane(stage) {
            bench.again();
            bench.prepare(stage).await;
            bench.damage(&damage);
            let when = format!("{stage}: {damage}");
            bench.when.clone_from(&when);
            let lanes: Vec<String> = (0..8).map(|n| format!("lane{n}")).collect();
            // All at once, so that they share calls.
            let accepts = lanes.iter().map(|lane| bench.accept(lane, lane));
            futures::future::join(futures::future::join_all(accepts), bench.accept("bad", "b2")).await;
            bench.queue.ping().await.expect("it is ready");
            bench.queue.counts().await.expect("it can be counted");
            bench.queue.lane(&Lane::new("bad").expect("fits")).await.expect("it can be shown");
            bench.queue.dead(&Default::default(), None, 10).await.expect("letters can be shown");
            bench.audit().await;
            bench.respond().await;
            bench.work().await;
            if !bench.handled.contains(&"b2".to_owned()) {
                let audit = bench.audit().await;
                assert!(audit.contains("bad: "), "{when}: {audit}");
                assert!(
                    bench.queue.resume(&Scope::Lane(Lane::new("bad").expect("fits"))).await.expect("resume"),
                    "{when}: {audit}"
                );
                bench.work().await;
            }
            for id in lanes.iter().map(String::as_str).chain(["b2"]) {
                let times = bench.handled.iter().filter(|handled| *handled == id).count();
                assert_eq!(times, 1, "{when}: {id} among {:?}", bench.handled);
            }
            // The audit names what was set aside, and a take reports it once.
            let aside = bench.server.cli(&["KEYS", "*:damaged:*"]);
            let audit = bench.audit().await;
            assert_eq!(
                !aside.trim().is_empty(),
                audit.contains("set aside since"),
                "{when}: {aside} {audit}"
            );
            // A missing record leaves nothing to set aside.
            assert!(aside.trim().is_empty() || !bench.reply.is_empty(), "{when}: {aside} {:?}", bench.reply);
            bench.damage(
                "for _, key in ipairs(redis.call('KEYS', '*:damaged:*')) do redis.call('UNLINK', key) end",
            );
            let audit = bench.audit().await;
            let left: Vec<&str> = audit
                .lines()
                .filter(|line| {
                    !["counted as open", "when it is met", "sends kept"]
                        .iter()
                        .any(|text| line.contains(text))
                })
                .collect();
            assert!(left.is_empty(), "{when}: {left:?}");
        }
    }
}

#[tokio::test]
async fn a_damaged_key_that_all_share_is_set_aside_and_no_message_is_lost() {
    let mut bench = Bench::new();
    let shared = [
        "open", "lease", "delay", "hold", "parked", "paused", "pulse", "dead", "arrived", "counter", "wake",
        "alarm",
    ];
    let shared = shared.into_iter().chain(["classes:ready", "classes:suspect", "ready:c", "suspect:c"]);
    for name in shared {
        for write in
            ["'SET', k, 'garbage'", "'SADD', k, 'garbage'", "'HSET', k, 'c', 'garbage', 'beat', 'garbage'"]
        {
            for stage in ["waiting", "leased", "delayed", "held"] {
                bench.again();
                bench.prepare(stage).await;
                bench.damage(&format!(
                    "local k = '{{p:0}}:{name}'; redis.call('DEL', k); redis.call({write})"
                ));
                let when = format!("{stage}: {name} {write}");
                for lane in ["bad", "other"] {
                    bench.queue.accept(message(lane, &format!("{lane}-new"))).await.expect("it is stored");
                }
                let broken = NewMessage { dead_reason: Some("no XML".into()), ..message("broken", "broken") };
                assert_eq!(bench.queue.accept(broken).await.expect("it is stored"), Accepted::New, "{when}");
                bench.queue.ping().await.expect("it is ready");
                bench.queue.counts().await.expect("it can be counted");
                bench.audit().await;
                bench.work().await;
                if name == "ready:c" || bench.handled.len() < 3 {
                    // Lanes that stood only in what was overwritten stand nowhere, and the audit says what mends that.
                    bench.queue.resume(&Scope::Lane(Lane::new("bad").expect("fits"))).await.expect("resume");
                    bench.work().await;
                }
                for id in ["bad-new", "other-new", "b1"] {
                    assert!(
                        bench.handled.iter().any(|handled| handled == id),
                        "{when}: {id} {:?}",
                        bench.handled
                    );
                }
                let dead =
                    bench.queue.dead(&Default::default(), None, 10).await.expect("letters can be shown");
                assert_eq!(dead.letters.len(), 1, "{when}");
            }
        }
    }
}

#[tokio::test]
async fn an_expired_held_message_without_its_record_stops_nobody() {
    let mut bench = Bench::new();
    bench.prepare("held").await;
    bench.damage(
        "redis.call('DEL', '{p:0}:held:bad'); redis.call('ZADD', '{p:0}:hold', 1, '', 1, '\\200', 1, 'x')",
    );
    bench.damage(
        "redis.call('ZADD', '{p:0}:lease', 1, 'ghost'); redis.call('ZADD', '{p:0}:delay', 1, 'ghost2')",
    );
    bench.accept("other", "m").await;
    bench.work().await;
    assert_eq!(bench.handled, ["m"]);
    assert!(bench.reply.iter().any(|reply| reply.starts_with("held:bad ")), "{:?}", bench.reply);
    let reply = bench.reply.len();
    bench.work().await;
    assert_eq!(bench.reply.len(), reply, "it is reported once");
}

#[tokio::test]
async fn counts_that_are_damaged_or_below_nothing_break_no_reader() {
    let bench = Bench::new();
    bench.accept("lane", "m").await;
    bench.damage("redis.call('HSET', '{p:0}:open', 'c', -3, 'd', 'many', 'e', '')");
    bench.damage("redis.call('HSET', '{p:0}:arrived', 'c', 'many', 'c\\0', 'more')");
    bench.queue.ping().await.expect("it is ready");
    let counts = bench.queue.counts().await.expect("it can be counted");
    assert_eq!((counts.open_total(), counts.ready_lanes.len()), (0, 1));
    assert!(bench.audit().await.contains("counted as open"));
}

#[tokio::test]
async fn what_an_audit_can_not_read_is_not_missing_in_its_counts() {
    let mut bench = Bench::new();
    bench.prepare("held").await;
    bench.damage("redis.call('DEL', '{p:0}:older:bad'); redis.call('SADD', '{p:0}:older:bad', 'x')");
    let audit = bench.audit().await;
    assert!(audit.contains("can't be read") && !audit.contains("have an end"), "{audit}");
}

#[tokio::test]
async fn a_completed_message_that_is_gone_takes_no_other_with_it() {
    let mut bench = Bench::new();
    bench.accept("bad", "b1").await;
    bench.accept("bad", "b2").await;
    let lease = bench.take().await.remove(0).lease;
    bench.damage("redis.call('LPOP', '{p:0}:lane:bad')");
    bench.queue.complete(&lease).await.expect("its message has ended");
    bench.work().await;
    assert_eq!(bench.handled, ["b2"], "an acknowledged message must not be ended for another");
}

#[tokio::test]
async fn letters_that_can_not_be_read_hide_no_others_and_can_be_dropped() {
    let bench = Bench::new();
    for id in ["good", "garbage", "typed", "gone"] {
        let broken = NewMessage { dead_reason: Some("no XML".into()), ..message("lane", id) };
        bench.queue.accept(broken).await.expect("it is stored");
    }
    bench.damage(
        "redis.call('HSET', '{p:0}:letter:garbage', 'packed', 'garbage'); redis.call('DEL', '{p:0}:letter:typed', '{p:0}:letter:gone');
        redis.call('SET', '{p:0}:letter:typed', 'x')",
    );
    let ids = |ids: &[&str]| {
        ids.iter().map(|id| huixin_queue::MessageId::new(*id).expect("fits")).collect::<Vec<_>>()
    };
    let page = bench.queue.dead(&Default::default(), None, 10).await.expect("the page can be shown");
    assert_eq!(page.letters.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["good"]);
    let all = ids(&["garbage", "typed", "gone", "good"]);
    assert_eq!(bench.queue.revive(&all).await.expect("revive"), [false, false, false, true]);
    assert_eq!(bench.queue.drop_dead(&all).await.expect("drop"), [true, true, true, false]);
    assert_eq!(bench.queue.counts().await.expect("counts").dead, 0);
    assert_eq!(bench.audit().await, "");
}

#[tokio::test]
async fn a_letter_is_revived_into_a_lane_whose_second_list_is_damaged() {
    let mut bench = Bench::new();
    let broken = NewMessage { dead_reason: Some("no XML".into()), ..message("bad", "m") };
    bench.queue.accept(broken).await.expect("it is stored");
    bench.damage("redis.call('SADD', '{p:0}:older:bad', 'x')");
    let id = huixin_queue::MessageId::new("m").expect("fits");
    assert_eq!(bench.queue.revive(&[id]).await.expect("revive"), [true]);
    bench.work().await;
    assert_eq!(bench.handled, ["m"]);
}

#[tokio::test]
async fn a_mark_that_can_not_be_read_marks_nothing() {
    let bench = Bench::new();
    bench.damage("redis.call('SADD', '{p:0}:seen:a', 'x'); redis.call('HSET', '{p:0}:seen:b', '', 'x', 'garbage', 'x')");
    for id in ["one", "garbage"] {
        bench.accept("lane", id).await;
        assert_eq!(bench.queue.accept(message("lane", id)).await.expect("accept"), Accepted::Duplicate);
    }
}

#[tokio::test]
async fn a_queue_made_for_more_shards_or_without_its_meta_is_refused_with_what_to_do() {
    let server = RedisServer::start(&[]);
    for (damage, said) in
        [("HSET {p:0}:meta format 7 shards 4", "4 shards"), ("SET {p:0}:meta x", "not a hash")]
    {
        server.cli(&["FLUSHALL"]);
        server.cli(&damage.split(' ').collect::<Vec<_>>());
        let queue = open_with_prefix(server.url(), "p".into(), Clock::Store);
        let error = queue.ping().await.expect_err("it is refused");
        assert!(
            matches!(&error, QueueError::Misconfigured { problem, .. } if problem.contains(said)),
            "{error:?}"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("queue.prefix")));
    }
}

#[tokio::test]
async fn a_lease_lost_to_damage_costs_its_batch_nothing() {
    let mut bench = Bench::new();
    for lane in ["bad", "one", "two"] {
        bench.accept(lane, lane).await;
    }
    let leases: Vec<_> = bench.take().await.into_iter().map(|leased| leased.lease).collect();
    bench.damage("redis.call('DEL', '{p:0}:run:bad'); redis.call('SET', '{p:0}:run:bad', 'x')");
    let kept = bench.queue.renew(&leases, LEASE).await.expect("renew");
    assert_eq!(kept.iter().filter(|kept| **kept == huixin_queue::Renewal::Kept).count(), 2);
    let records = leases.iter().map(|lease| bench.queue.record(lease, Progress::default(), None));
    let completes = leases.iter().map(|lease| bench.queue.complete(lease));
    for (lease, outcome) in leases.iter().zip(futures::future::join_all(records).await) {
        assert_eq!(outcome.is_ok(), lease.lane.as_str() != "bad", "{outcome:?}");
    }
    for (lease, outcome) in leases.iter().zip(futures::future::join_all(completes).await) {
        assert_eq!(outcome.is_ok(), lease.lane.as_str() != "bad", "{outcome:?}");
    }
    bench.work().await;
    assert_eq!(bench.handled, ["bad"], "it comes again");
}
