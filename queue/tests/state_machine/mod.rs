//! Random operations, jumps of the clock and crashes, on an engine and on the reference, compared answer by
//! answer.
//!
//! The conformance suite holds what somebody thought of, in the words of the promise. Here nobody thinks:
//! sequences of operations are made up, and after each of them both queues must have given the same answer
//! and must look the same from every side. A sequence that doesn't is made smaller until nothing can be left
//! out, and shown with its seed; `PROPTEST_RNG_SEED=NUMBER` repeats the run.
//!
//! Calls are made one after the other, since two at once may be answered in two right ways. What happens
//! among threads and connections is for the tests of the engines, and what is possible at all for the model.
//!
//! Rejected: the crate proptest-state-machine. Its reference must be a value that is cloned for every step,
//! and it makes each operation in the state before it, which spares operations that mean nothing; here those
//! are few, and they are calls that come late or twice, which must do nothing and are worth trying.

mod ask;
mod damage;
mod engine;
mod names;
mod operation;
mod pushes;
mod run;
mod tally;

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use huixin_queue::testing::conformance::{DEDUP_WINDOW, START_US};
use huixin_queue::testing::{RedisServer, ReferenceQueue};
use huixin_queue::{Clock, Queue, TestClock};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use self::engine::Engine;
use self::operation::Operation;
use self::run::Run;
use self::tally::Tally;

/// The reference is a queue too.
mod reference {
    use super::*;

    huixin_queue::conformance!(open);

    async fn open(clock: Clock) -> (Arc<dyn Queue>, ()) {
        (Arc::new(ReferenceQueue::new(DEDUP_WINDOW, clock)), ())
    }
}

/// Cases that share a seed.
const ROUND: u32 = 50;
/// Most of a sequence is waiting for Redis, and several are tried at once.
const AT_ONCE: u32 = 4;

#[test]
fn the_embedded_engine_answers_as_the_reference_does() {
    compare("embedded", &|| None);
}

#[test]
fn redis_answers_as_the_reference_does() {
    compare("Redis", &|| Some(RedisServer::start(&[])));
}

/// Runs 200 sequences, and more until everything has been met; in the long form, as many as there is time for.
fn compare(name: &str, server: &(dyn Fn() -> Option<RedisServer> + Sync)) {
    let long = std::env::var_os("LONG_TESTS").is_some();
    let (cases_max, longest, time_max) = match long {
        true => (20_000, 300, Duration::from_secs(600)),
        false => (200, 100, Duration::MAX),
    };
    let seed = match Config::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => rand::random(),
    };
    println!("{name}: PROPTEST_RNG_SEED={seed}");
    let tally = Mutex::new(Tally::default());
    let round = &|cases: u32| {
        let mut trial = Trial::new(server());
        if let Err(what) = trial.round(seed.wrapping_add(u64::from(cases)), longest) {
            panic!("{name}, PROPTEST_RNG_SEED={seed}, after {cases} cases: {what}");
        }
        tally.lock().expect("no trial failed").merge(trial.tally.take());
    };
    // What is met about three times in 300 cases is missed now and then: that is bad luck until there were four times as many. With
    // the seed of tests/run everything is met within 200.
    let lacks = |cases| cases < 6 * cases_max && !tally.lock().expect("no trial failed").missing().is_empty();
    let (start, mut cases) = (Instant::now(), 0);
    while (cases < cases_max || lacks(cases)) && start.elapsed() < time_max {
        let next = cases + ROUND * AT_ONCE;
        std::thread::scope(|scope| {
            for cases in (cases..next).step_by(ROUND as usize) {
                scope.spawn(move || round(cases));
            }
        });
        cases = next;
    }
    let tally = tally.into_inner().expect("no trial failed");
    println!("{name}: {cases} cases, {:.1} s\n{tally}", start.elapsed().as_secs_f64());
    let missing = tally.missing();
    assert!(missing.is_empty(), "{name}: in all these cases never: {missing:?}");
}

/// Tries sequences, on the server or without one in a file.
struct Trial {
    server: RefCell<Option<RedisServer>>,
    runtime: tokio::runtime::Runtime,
    tally: RefCell<Tally>,
}

impl Trial {
    fn new(server: Option<RedisServer>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be started");
        Self { server: RefCell::new(server), runtime, tally: RefCell::default() }
    }

    /// Sequences with a seed. The text shows the one that failed.
    fn round(&mut self, seed: u64, longest: usize) -> Result<(), String> {
        let config = Config {
            cases: ROUND,
            rng_seed: RngSeed::Fixed(seed),
            failure_persistence: None,
            max_shrink_iters: 2_000,
            ..Config::default()
        };
        let outcome = TestRunner::new(config).run(&operation::sequences(longest), |operations| {
            self.of(&operations).map_err(TestCaseError::fail)
        });
        match outcome {
            Ok(()) => Ok(()),
            Err(TestError::Fail(_, operations)) => {
                let (operations, what) = self.without_the_needless(operations);
                let lines: Vec<String> =
                    operations.iter().map(|operation| format!("{operation:?}")).collect();
                Err(format!("{what}\n{}", lines.join("\n")))
            }
            Err(aborted) => Err(aborted.to_string()),
        }
    }

    /// One sequence, on a fresh engine. The text says what is different.
    fn of(&self, operations: &[Operation]) -> Result<(), String> {
        let clock = TestClock::at(START_US);
        let _within = self.runtime.enter();
        let mut server = self.server.borrow_mut();
        let engine = match server.as_mut() {
            Some(server) => Engine::redis(server, &clock),
            None => Engine::sqlite(&clock),
        };
        let reference = ReferenceQueue::new(DEDUP_WINDOW, Clock::Test(clock.clone()));
        let mut run = Run::new(clock, engine, reference);
        let mut tally = self.tally.borrow_mut();
        self.runtime.block_on(async {
            for operation in operations {
                let same = run.step(operation, &mut tally).await;
                same.map_err(|what| format!("{operation:?}\n{what}"))?;
            }
            Ok(())
        })
    }

    /// A sequence that fails, and why, without all that can be left out. The runner tries each operation
    /// once, and what it couldn't leave out then may be needless later.
    fn without_the_needless(&self, mut operations: Vec<Operation>) -> (Vec<Operation>, String) {
        let mut what = self.of(&operations).err().unwrap_or_else(|| "not again".to_owned());
        let mut at = operations.len();
        while let Some(next) = at.checked_sub(1) {
            at = next;
            let mut fewer = operations.clone();
            fewer.remove(at);
            if let Err(still) = self.of(&fewer) {
                (operations, what) = (fewer, still);
                at = operations.len();
            }
        }
        (operations, what)
    }
}
