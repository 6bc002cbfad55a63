//! `kill -9` of a worker while it sends answers of two parts: what is lost, what comes twice, and what is asked again.
//!
//! WeChat takes its time for each send, so that a kill at a random moment falls before, between and into sends; sends under
//! way at the kill are accepted after it, as on a slow line. In other rounds the kill waits for a moment: one send hangs, or
//! the token has run out and its fetch hangs, between the record of a send and the send.
//!
//! A round's verdict is read off the pretend WeChat's transcript, where a line with a fault is a request that has come, and
//! off the killed worker's own log, in which a line "handled" with "answered" proves that the last part was recorded as
//! sent. What the heir says of unsure sends is compared with both.
//!
//! Rejected: a kill at each line of the code in turn, which needs holes in the code for its test; the worker's own tests
//! do that with a worker in the same process.

use std::time::{Duration, Instant};

use huixin_sandbox::{Fault, FaultForm, Sandbox, TranscriptEntry, What};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::verdict::Killed;
use crate::harness::{Asked, Backend, PATIENCE, Process, Setup, Stack, long, now_us, seed};

/// Who writes in a round.
pub(super) const USERS: usize = 6;
/// Sends of a round that aren't repeated.
const SENDS: usize = 2 * USERS;
/// The last moment of a kill: by then the answers of a round are usually out.
const KILL_MAX_MS: u64 = 400;

/// What a route does with a send whose end nobody knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unsure {
    Resend,
    Drop,
    Hold,
}

/// When a worker is killed.
#[derive(Clone, Copy, PartialEq)]
enum Moment {
    /// A send hangs, and never arrives.
    SendHangs,
    /// At any moment.
    Any,
    /// Sends are recorded and could not be made: a new token is needed, and doesn't come.
    TokenHangs,
}

/// What was seen in all rounds.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) kills: u64,
    pub(super) answers: usize,
    pub(super) unsure: usize,
    pub(super) twice: usize,
    pub(super) missing: usize,
    pub(super) asked_again: usize,
    /// Messages that the killed workers' logs prove to be finished.
    pub(super) done: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resent_no_part_is_lost_and_twice_comes_only_one_whose_send_was_under_way_at_the_kill() {
    let seen = kills(Unsure::Resend).await;
    assert_eq!(seen.missing, 0);
    assert!(seen.twice > 0 || !long(), "so many kills, and none was between a send and its record: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_no_part_comes_twice_and_only_one_whose_send_was_under_way_at_the_kill_is_missing() {
    let seen = kills(Unsure::Drop).await;
    assert_eq!(seen.twice, 0);
    assert!(seen.missing > 0, "of those that hang none arrived: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_no_part_comes_twice_before_the_user_writes_again_and_then_all_have_come() {
    let seen = kills(Unsure::Hold).await;
    assert_eq!(seen.missing, 0);
}

async fn kills(policy: Unsure) -> Seen {
    let mut chance = StdRng::seed_from_u64(seed());
    let backend = Backend::in_parts(two_parts).await;
    let name = format!("{policy:?}").to_lowercase();
    let routes = format!("{}unsure = \"{name}\"\n", backend.route());
    let mut stack = Stack::on_redis(Setup { routes, lease: "2s", ..Setup::default() }).await;
    let receiver = stack.role("receiver").await;
    let mut worker = talkative(&mut stack).await;
    let mut seen = Seen::default();
    let began = Instant::now();
    for round in 0..if long() { 50 } else { 5 } {
        let moment = [Moment::SendHangs, Moment::Any, Moment::TokenHangs][round as usize % 3];
        let (sandbox, before) = (&stack.sandbox.sandbox, stack.sandbox.sandbox.transcript().newest());
        order_trouble(sandbox, moment, &mut chance);
        tokio::join!(all_write(&stack, round, ""), kill(sandbox, &mut worker, moment, before, &mut chance));
        let transcript = sandbox.transcript();
        let killed = Killed { before, at: transcript.newest(), at_us: now_us(), log: worker.log() };
        sandbox.faults().clear();
        worker = talkative(&mut stack).await;
        let held = settled(&stack).await;
        let unsure = unsure_sends(&worker, &name).await;
        assert_eq!(held, if policy == Unsure::Hold { unsure } else { 0 }, "held by the policy alone");
        killed.judge(&stack, &backend, (policy, round), unsure, &mut seen);
        if policy == Unsure::Hold {
            all_write(&stack, round, " again").await;
            assert_eq!(settled(&stack).await, 0);
            killed.judge_after_the_next_message(&stack, round, &mut seen);
        }
        seen.kills += 1;
        seen.unsure += unsure;
    }
    println!("{policy:?}: {seen:?} in {:.0?}", began.elapsed());
    assert!(seen.unsure > 0, "a kill while something hangs leaves a send unsure");
    assert!(seen.done > 0 || !long(), "the logs prove nothing");
    assert!(seen.twice <= seen.unsure && seen.missing <= seen.unsure, "{seen:?}");
    drop((worker, receiver));
    stack.end().await;
    seen
}

/// How many unsure sends a worker has counted, all of them under this policy.
async fn unsure_sends(worker: &Process, policy: &str) -> usize {
    let (name, label) = ("huixin_worker_unsure_sends_total", format!("policy=\"{policy}\""));
    let (counted, in_all) = (worker.metric_with(name, &label).await, worker.metric(name).await);
    assert_eq!(counted, in_all, "of policy {policy}, and of all");
    counted as usize
}

/// What each message is answered with, soon, and not at once.
fn two_parts(asked: &Asked) -> (Duration, Vec<String>) {
    let parts = [1, 2].map(|part| format!("{}: part {part}", asked.content));
    (Duration::from_millis(asked.at_us % 40), parts.into())
}

/// A worker whose log names each message that it has finished.
async fn talkative(stack: &mut Stack) -> Process {
    let worker = stack.spawn("worker", &[("HUIXIN_LOG", "info,huixin_worker=debug")]);
    worker.ready().await;
    worker
}

/// Each send of the round takes another time, and what the moment needs hangs.
fn order_trouble(sandbox: &Sandbox, moment: Moment, chance: &mut StdRng) {
    let hanging = (moment == Moment::SendHangs).then(|| chance.random_range(0..USERS));
    for n in 0..SENDS {
        let slow = Fault::Delay(Duration::from_millis(chance.random_range(1..80)));
        sandbox.faults().on_send(if hanging == Some(n) { Fault::Hang } else { slow }, 1);
    }
    if moment == Moment::TokenHangs {
        sandbox.faults().on_token(Fault::Hang, 1);
        sandbox.expire_token("main");
    }
}

async fn all_write(stack: &Stack, round: u64, more: &str) {
    for user in 0..USERS {
        stack.say(&format!("oUser{user}"), &format!("{round}/{user}{more}")).await;
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
}

async fn kill(sandbox: &Sandbox, worker: &mut Process, moment: Moment, before: u64, chance: &mut StdRng) {
    if moment == Moment::Any {
        tokio::time::sleep(Duration::from_millis(chance.random_range(20..KILL_MAX_MS))).await;
    } else {
        let hangs = |entry: &TranscriptEntry| {
            entry.seq > before && matches!(&entry.what, What::Faulted { fault: FaultForm::Hang, .. })
        };
        let seen = sandbox.transcript().wait_for_matches(hangs, 1, PATIENCE).await;
        seen.unwrap_or_else(|e| panic!("{e}"));
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..40))).await;
    }
    worker.kill();
}

/// Waits until nothing is left but what is held, and says how much that is.
async fn settled(stack: &Stack) -> usize {
    let (queue, deadline) = (stack.queue(), Instant::now() + PATIENCE);
    loop {
        let counts = queue.counts().await.expect("the queue answers");
        if counts.open_total() == counts.held {
            return usize::try_from(counts.held).expect("few are held");
        }
        assert!(Instant::now() < deadline, "the queue does not come to rest: {counts:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
