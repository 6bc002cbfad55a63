//! An answer in a response is out as soon as one by the API: both are measured in one run.
//!
//! Both ways begin when the service has answered. The one ends with the first byte of the push's response. The other ends with
//! the first byte of the API's response to the send, and before that the send arrives. At its arrival the API's way is ahead: a
//! part must be claimed before it goes into a response, which is one call of the store and its way there and back more, and the
//! reason why no part goes out both ways. So by its arrival it may be ahead by no more than that.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::figures::Quantiles;
use super::pusher::{Pusher, Response};
use super::service::{API_TAKES, Sent, Service};
use crate::harness::{Process, Setup, Stack, long};

const SERVICE_TAKES: Duration = Duration::from_millis(100);
/// By how much a response may be later than the arrival of a send, for the claim: its share, and besides.
const CLAIM: (f64, Duration) = (1.5, Duration::from_millis(1));
const TOKEN: &str = "token of the account with the API";

/// How many pushes of both accounts, and how many a second.
struct Load {
    warm_up: u64,
    pushes: u64,
    per_second: f64,
}

impl Load {
    fn of_this_run() -> Self {
        match long() {
            true => Self { warm_up: 1_000, pushes: 10_000, per_second: 500.0 },
            false => Self { warm_up: 10, pushes: 100, per_second: 20.0 },
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis_an_answer_in_a_response_is_out_as_soon_as_one_by_the_api() {
    let service = Service::start(SERVICE_TAKES).await;
    let mut stack = Stack::on_redis(setup(&service)).await;
    let processes = vec![stack.role("receiver").await, stack.role("worker").await];
    compare("Redis", stack, processes, &service).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_queue_an_answer_in_a_response_is_out_as_soon_as_one_by_the_api() {
    let service = Service::start(SERVICE_TAKES).await;
    let mut stack = Stack::embedded(setup(&service)).await;
    let processes = vec![stack.role("run").await];
    compare("the embedded queue", stack, processes, &service).await;
}

fn setup(service: &Service) -> Setup {
    let url = &service.url;
    let routes = format!(
        "answer_by = \"either\"\n\
         [account.api]\napp_id = \"wx00000000000000aa\"\napp_secret = \"secret\"\ntoken = \"{TOKEN}\"\napi_base = \"{url}\"\n\
         [[route]]\nname = \"service\"\nhttp = {{ url = \"{url}/answer\" }}\n"
    );
    Setup { routes, ..Setup::default() }
}

/// Pushes for both accounts in turn, whatever the responses do.
async fn push_all(pushers: &[Pusher; 2], load: &Load) -> Vec<(u64, Response)> {
    let mut under_way = JoinSet::new();
    let mut due = tokio::time::interval(Duration::from_secs_f64(1.0 / load.per_second));
    for n in 0..load.warm_up + load.pushes {
        due.tick().await;
        let pusher = pushers[usize::from(n % 2 == 1)].clone();
        under_way.spawn(async move { (n, pusher.push(n).await) });
    }
    under_way.join_all().await
}

/// Pushes, and compares how long the answers of both accounts took from the service.
async fn compare(queue: &str, mut stack: Stack, processes: Vec<Process>, service: &Service) {
    let load = Load::of_this_run();
    let main = &stack.sandbox.sandbox.config().accounts[0].token;
    let pushers = [Pusher::of(&stack, "main", main), Pusher::of(&stack, "api", TOKEN)];
    let responses = push_all(&pushers, &load).await;
    let sent = service.sent(responses.len() / 2).await;
    for mut process in processes {
        assert_eq!(process.stop().await, Some(0));
    }

    let answered = service.answered();
    let since_answered = |(n, account, at): (u64, &str, Instant)| {
        let answered = (n >= load.warm_up).then(|| answered[&format!("{account} {n}")])?;
        Some(at.saturating_duration_since(answered))
    };
    let by_response = responses.iter().filter(|(n, response)| response.says(&format!("answer to main {n}")));
    let by_response = by_response.map(|(n, response)| (*n, "main", response.first_byte));
    let by_response = Quantiles::of(by_response.filter_map(since_answered).collect());
    let by_api = |end: fn(&Sent) -> Instant| {
        Quantiles::of(sent.iter().filter_map(|(n, sent)| since_answered((*n, "api", end(sent)))).collect())
    };
    let (arrived, responded) = (by_api(|sent| sent.arrived), by_api(|sent| sent.responded));
    println!(
        "on {queue}, {} pushes a second, from the service's answer to the first byte of the push's response {by_response}; of the \
         API's response, which takes {API_TAKES:?}, {responded}; to the send's arrival there {arrived}",
        load.per_second
    );
    let each = usize::try_from(load.pushes / 2).expect("it is small");
    assert_eq!(arrived.count, each, "each answer is sent");
    // A busy machine is late with the rest, and its times say nothing.
    let least = if long() { each * 9 / 10 } else { each / 2 };
    assert!(by_response.count >= least, "only {} of {each} answers went out in responses", by_response.count);
    if long() {
        let (times, besides) = CLAIM;
        let allowed = arrived.p99.mul_f64(times) + besides;
        assert!(by_response.p99 <= allowed, "{:?} is more than {allowed:?}", by_response.p99);
        assert!(by_response.p99 <= responded.p99, "a response is later than one of the API");
        stack.end().await;
    } else {
        // What was late went out by the pretend API, which refuses it, since it has never seen these users.
        stack.expect_errors("the message is dead");
        stack.wait_until_empty().await;
        let dead = stack.dead().await;
        assert!(dead.iter().all(|letter| letter.reason.contains("40003")), "{dead:?}");
        stack.end_with_dead().await;
    }
}
