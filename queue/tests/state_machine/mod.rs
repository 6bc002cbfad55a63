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
mod run;
mod tally;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
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

#[test]
fn the_embedded_engine_answers_as_the_reference_does() {
    compare("embedded", &|clock, try_it| try_it(Engine::sqlite(clock)));
}

#[test]
fn redis_answers_as_the_reference_does() {
    let server = RefCell::new(RedisServer::start(&[]));
    compare("Redis", &|clock, try_it| try_it(Engine::redis(&mut server.borrow_mut(), clock)));
}

/// Does something with a fresh engine on this clock.
type WithEngine<'a> =
    dyn Fn(&TestClock, &mut dyn FnMut(Engine<'_>) -> Result<(), String>) -> Result<(), String> + 'a;

/// Runs 150 sequences, and more until everything has been met; in the long form, as many as there is time for.
fn compare(name: &str, with_engine: &WithEngine<'_>) {
    let long = std::env::var_os("LONG_TESTS").is_some();
    let (cases_max, longest, time_max) = match long {
        true => (20_000, 300, Duration::from_secs(600)),
        false => (150, 100, Duration::MAX),
    };
    let seed = match Config::default().rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => rand::random(),
    };
    println!("{name}: PROPTEST_RNG_SEED={seed}");
    let trial = Trial::new(with_engine);
    let (start, mut cases) = (Instant::now(), 0);
    // What is met about three times in 300 cases is missed now and then: that is bad luck until there were thrice as many. With the
    // seed of tests/run everything is met within 200.
    let lacks = |cases| cases < 6 * cases_max && !trial.tally.borrow().missing().is_empty();
    while (cases < cases_max || lacks(cases)) && start.elapsed() < time_max {
        let rng_seed = RngSeed::Fixed(seed.wrapping_add(u64::from(cases)));
        let config = Config {
            cases: ROUND,
            rng_seed,
            failure_persistence: None,
            max_shrink_iters: 2_000,
            ..Config::default()
        };
        let outcome = TestRunner::new(config).run(&operation::sequences(longest), |operations| {
            trial.of(&operations).map_err(TestCaseError::fail)
        });
        match outcome {
            Ok(()) => cases += ROUND,
            Err(TestError::Fail(_, operations)) => {
                let (operations, what) = trial.without_the_needless(operations);
                let lines: Vec<String> =
                    operations.iter().map(|operation| format!("{operation:?}")).collect();
                panic!(
                    "{name}, PROPTEST_RNG_SEED={seed}, within {cases} cases: {what}\n{}",
                    lines.join("\n")
                );
            }
            Err(aborted) => panic!("{name}, PROPTEST_RNG_SEED={seed}: {aborted}"),
        }
    }
    let (steps, seconds) = (trial.steps.get(), start.elapsed().as_secs_f64());
    println!("{name}: {cases} cases with {steps} operations, {seconds:.1} s");
    let tally = trial.tally.into_inner();
    println!("{tally}");
    let missing = tally.missing();
    assert!(missing.is_empty(), "{name}: in all these cases never: {missing:?}");
}

/// Tries sequences.
struct Trial<'a> {
    with_engine: &'a WithEngine<'a>,
    runtime: tokio::runtime::Runtime,
    tally: RefCell<Tally>,
    steps: Cell<u64>,
}

impl<'a> Trial<'a> {
    fn new(with_engine: &'a WithEngine<'a>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be started");
        Self { with_engine, runtime, tally: RefCell::default(), steps: Cell::default() }
    }

    /// One sequence, on a fresh engine. The text says what is different.
    fn of(&self, operations: &[Operation]) -> Result<(), String> {
        let clock = TestClock::at(START_US);
        let _within = self.runtime.enter();
        (self.with_engine)(&clock, &mut |engine| {
            let reference = ReferenceQueue::new(DEDUP_WINDOW, Clock::Test(clock.clone()));
            let mut run = Run::new(clock.clone(), engine, reference);
            let mut tally = self.tally.take();
            let same = self.runtime.block_on(async {
                for operation in operations {
                    self.steps.set(self.steps.get() + 1);
                    let same = run.step(operation, &mut tally).await;
                    same.map_err(|what| format!("{operation:?}\n{what}"))?;
                }
                Ok(())
            });
            self.tally.replace(tally);
            same
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
