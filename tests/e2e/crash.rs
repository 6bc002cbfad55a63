//! `kill -9` of anything at any moment loses nothing. (How soon another worker goes on: [`super::takeover`].)

use std::collections::HashSet;
use std::time::Duration;

use huixin_sandbox::{AccountRules, Push, SandboxConfig};

use crate::harness::{Backend, Process, Setup, Stack, long};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_receiver_loses_nothing_that_it_acked() {
    let backend = Backend::start(Duration::from_millis(20)).await;
    let mut stack =
        Stack::on_redis(Setup { routes: backend.route(), sandbox: impatient(), ..Setup::default() }).await;
    let _worker = stack.role("worker").await;
    let receiver = stack.role("receiver").await;
    killed_in_traffic(&mut stack, receiver, "receiver", "answer to ", &Undisturbed).await;
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_run_with_the_embedded_queue_loses_nothing_that_it_acked() {
    let backend = Backend::start(Duration::from_millis(20)).await;
    let mut stack =
        Stack::embedded(Setup { routes: backend.route(), sandbox: impatient(), ..Setup::default() }).await;
    let run = stack.role("run").await;
    let mut run = killed_in_traffic(&mut stack, run, "run", "answer to ", &Undisturbed).await;
    // The file belongs to the process until it has ended. What it leaves would stay: also what was stored and never acked.
    // Lanes are in order, so all that came before these is at its end.
    let last: Vec<_> = (0..USERS).map(|n| (format!("oUser{n}"), format!("last of {n}"))).collect();
    for (user, text) in &last {
        stack.say(user, text).await;
    }
    all_answered(&stack, &last.into_iter().map(|(_, text)| format!("answer to {text}")).collect()).await;
    assert_eq!(run.stop().await, Some(0));
    stack.end().await;
}

/// How many write.
const USERS: u64 = 8;

/// A WeChat that tries again soon, so that the time without a receiver is short, and lets every answer through: after a
/// pause there are more answers than WeChat takes for a user's last message, which is not the subject here.
pub(crate) fn impatient() -> SandboxConfig {
    SandboxConfig { push_timeout: Duration::from_secs(1), enforce_windows: false, ..SandboxConfig::default() }
}

/// What else goes wrong while a process is killed again and again.
pub(crate) trait Nemesis {
    /// A round begins: the process is killed `kill_after` later.
    fn begins(&self, stack: &Stack, round: u64, kill_after: Duration);
    /// The process is there again.
    fn ends(&self, stack: &Stack);
}

/// Nothing else goes wrong.
struct Undisturbed;

impl Nemesis for Undisturbed {
    fn begins(&self, _: &Stack, _: u64, _: Duration) {}
    fn ends(&self, _: &Stack) {}
}

/// Kills and restarts a process while users talk; whatever was acked must be answered. Gives the last process.
pub(crate) async fn killed_in_traffic(
    stack: &mut Stack,
    mut process: Process,
    role: &str,
    answer: &str,
    nemesis: &dyn Nemesis,
) -> Process {
    // A killed receiver leaves more tries unanswered than WeChat would go on after.
    let rules = AccountRules { mark_fail: None, ..AccountRules::default() };
    stack.sandbox.sandbox.set_rules("main", rules);
    let kills = if long() { 30 } else { 4 };
    let mut acked = HashSet::new();
    let mut refused = 0;
    for round in 0..kills {
        let kill_after = Duration::from_millis(60 + 13 * round);
        nemesis.begins(stack, round, kill_after);
        let pushes = (0..40).map(|n| {
            let text = format!("{round}/{n}");
            let sandbox = stack.sandbox.sandbox.clone();
            async move {
                // Spread over the time around the kill.
                tokio::time::sleep(Duration::from_millis(5 * n)).await;
                let report =
                    sandbox.push(Push::text("main", format!("oUser{}", n % USERS), text.clone())).await;
                (text, report.acked)
            }
        });
        let pushes = tokio::spawn(futures::future::join_all(pushes));
        tokio::time::sleep(kill_after).await;
        process.kill();
        process = stack.role(role).await;
        nemesis.ends(stack);
        for (text, was_acked) in pushes.await.expect("pushing does not panic") {
            if was_acked {
                acked.insert(format!("{answer}{text}"));
            } else {
                refused += 1;
            }
        }
        // A message that was in hand at three kills would be taken for the cause of them, and die.
        all_answered(stack, &acked).await;
    }
    assert!(acked.len() > 10, "only {} were acked", acked.len());
    println!("{kills} kills: {} acked, {refused} not", acked.len());
    process
}

/// Waits until all that was acked is answered.
async fn all_answered(stack: &Stack, acked: &HashSet<String>) {
    let transcript = stack.sandbox.sandbox.transcript();
    let answered = |entries: &[std::sync::Arc<huixin_sandbox::TranscriptEntry>]| {
        let answered: HashSet<&str> = entries.iter().filter_map(|entry| entry.what.text()).collect();
        acked.iter().all(|text| answered.contains(text.as_str()))
    };
    if let Err(error) = transcript.wait_for(answered, Duration::from_secs(60)).await {
        let entries = transcript.entries();
        let answered: HashSet<&str> = entries.iter().filter_map(|entry| entry.what.text()).collect();
        let lost: Vec<_> = acked.iter().filter(|text| !answered.contains(text.as_str())).collect();
        panic!("acked and never answered: {lost:?}; {error}");
    }
}
