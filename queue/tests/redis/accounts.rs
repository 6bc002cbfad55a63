//! What a take costs doesn't grow with the number of accounts, nor with that of paused lanes in front.

use super::*;
use huixin_queue::{Lane, Scope};

/// Commands that Redis ran for what `work` does, those of scripts included.
async fn commands(server: &RedisServer, work: impl Future<Output = ()>) -> u64 {
    server.cli(&["CONFIG", "RESETSTAT"]);
    work.await;
    let stats = server.cli(&["INFO", "commandstats"]);
    let of = |line: &str| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok();
    stats.lines().filter(|line| !line.contains("config|resetstat")).filter_map(of).sum()
}

/// Microseconds that Redis spent in scripts since the last reset.
fn script_us(server: &RedisServer) -> f64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:").map(str::to_owned));
    let spent = line.and_then(|line| line.split_once("usec=")?.1.split(',').next()?.parse().ok());
    spent.expect("scripts were run")
}

fn classes(number: usize) -> Vec<Class> {
    (0..number).map(|n| Class::new(format!("account-{n:05}")).expect("fits")).collect()
}

#[tokio::test]
async fn an_idle_take_and_a_message_cost_the_same_with_one_account_and_with_thousands() {
    let long = std::env::var_os("LONG_TESTS").is_some();
    let mut first = None;
    for number in [1, 100, 1_000, 3_000] {
        if number > 1_000 && !long {
            continue;
        }
        let server = RedisServer::start(&[]);
        let queue = open_at(server.url(), Clock::Store);
        let names = classes(number);
        let request =
            TakeRequest { classes: names.as_slice().into(), worker: WorkerId::new("worker"), ..request(0) };
        let take = async |call, max| {
            let request = TakeRequest { call, max, ..request.clone() };
            queue.take(&request).await.expect("take").messages
        };
        take(1, 1).await;
        // The least of some rounds, since others use the machine too.
        const ROUNDS: u64 = 10;
        const CALLS: u64 = 30;
        let (mut idle, mut idle_us, mut each, mut each_us) = (0.0, f64::MAX, 0.0, f64::MAX);
        for round in 0..ROUNDS {
            let takes = commands(&server, async {
                for call in 0..CALLS {
                    assert!(take(2 + round * CALLS + call, 32).await.is_empty());
                }
            });
            idle = takes.await as f64 / CALLS as f64;
            idle_us = idle_us.min(script_us(&server) / CALLS as f64);
        }
        // As many accounts have something to do as there can be.
        for n in 0..number.max((ROUNDS * CALLS) as usize) {
            let class = names[n % number].clone();
            let new = NewMessage { class, ..message(&format!("lane{n}"), &format!("m{n}")) };
            queue.accept(new).await.expect("accept");
        }
        for round in 0..ROUNDS {
            let handled = commands(&server, async {
                for call in 0..CALLS {
                    let leased = take(1_000 + round * CALLS + call, 1).await.remove(0);
                    queue.complete(&leased.lease).await.expect("complete");
                }
            });
            each = handled.await as f64 / CALLS as f64;
            each_us = each_us.min(script_us(&server) / CALLS as f64);
        }
        println!(
            "{number:5} accounts: idle take {idle:.1} commands, {idle_us:.1} us; message {each:.1}, {each_us:.1} us"
        );
        let now = [idle, each, idle_us, each_us];
        let one = *first.get_or_insert(now);
        let compared = if long { 4 } else { 2 };
        for (now, one) in now.into_iter().zip(one).take(compared) {
            assert!(now <= one * 1.2, "{now} with {number} accounts, {one} with one");
        }
    }
}

#[tokio::test]
async fn every_account_has_its_turn_and_a_worker_with_one_of_many_finds_its_own() {
    let queue = open_at(RedisServer::shared().url(), Clock::Store);
    let names = classes(300);
    for (n, class) in names.iter().enumerate() {
        for lane in 0..2 {
            let new = NewMessage {
                class: class.clone(),
                ..message(&format!("{n}-{lane}"), &format!("m{n}-{lane}"))
            };
            queue.accept(new).await.expect("accept");
        }
    }
    let own = TakeRequest {
        classes: [names[177].clone()].into(),
        max: 1,
        worker: WorkerId::new("own"),
        ..request(1)
    };
    let taken = queue.take(&own).await.expect("take").messages;
    assert_eq!(taken.iter().map(|leased| leased.class.as_str()).collect::<Vec<_>>(), ["account-00177"]);
    let all =
        TakeRequest { classes: names.as_slice().into(), max: 32, worker: WorkerId::new("all"), ..request(1) };
    let mut seen = std::collections::BTreeSet::new();
    for call in 1..=12 {
        let request = TakeRequest { call, ..all.clone() };
        seen.extend(
            queue.take(&request).await.expect("take").messages.into_iter().map(|leased| leased.class),
        );
    }
    assert_eq!(seen.len(), names.len(), "12 calls for 32 messages serve each of 300 accounts");
}

#[tokio::test]
async fn a_list_of_accounts_that_redis_has_lost_is_told_again() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    let request = TakeRequest { worker: WorkerId::new("worker"), ..request(1) };
    assert!(queue.take(&request).await.expect("take").messages.is_empty());
    server.cli(&["FLUSHALL"]);
    queue.accept(message("lane", "m")).await.expect("accept");
    let request = TakeRequest { call: 2, ..request };
    assert_eq!(queue.take(&request).await.expect("take").messages.len(), 1);
}

#[tokio::test]
async fn pauses_of_all_accounts_are_read_with_one_call_that_costs_no_more_with_many_accounts() {
    let server = RedisServer::start(&[]);
    let queue = open_at(server.url(), Clock::Store);
    queue.set("pause/one", "x".into(), Duration::from_secs(60)).await.expect("set");
    queue.set("other/one", "y".into(), Duration::from_secs(60)).await.expect("set");
    let value = |name: &str| (name.to_owned(), bytes::Bytes::from_static(b"x"));
    assert_eq!(queue.values("pause/").await.expect("values"), [value("pause/one")]);
    queue.set("pause/one", "".into(), Duration::from_secs(60)).await.expect("set");
    let idle =
        commands(&server, async { assert_eq!(queue.values("pause/").await.expect("values"), []) }).await;
    assert!(idle <= 3, "{idle} commands");
}

#[tokio::test]
async fn a_waiting_lane_behind_thousands_of_paused_ones_needs_no_sleep() {
    let clock = TestClock::at(START_US);
    let queue = open_at(RedisServer::shared().url(), Clock::Test(clock));
    for n in 0..500 {
        let lane = format!("paused{n}");
        queue.pause(&Scope::Lane(Lane::new(lane.as_str()).expect("fits")), "x").await.expect("pause");
        queue.accept(message(&lane, &lane)).await.expect("accept");
    }
    queue.accept(message("open", "open")).await.expect("accept");
    let request = TakeRequest { max: 1, worker: WorkerId::new("worker"), ..request(1) };
    for call in 1..=30 {
        let taken = queue.take(&TakeRequest { call, ..request.clone() }).await.expect("take");
        if let [leased] = taken.messages.as_slice() {
            assert_eq!(leased.lease.id.as_str(), "open");
            return;
        }
        assert!(taken.cut_short, "an answer without messages says whether there may be more");
    }
    panic!("it was never found");
}
