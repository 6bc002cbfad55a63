//! Answers in the responses to pushes: each part once, and in order, whatever fails.

mod checker;
mod mark_fail;
mod once;
mod redis_away;
mod slow_lookup;
mod users;
mod words;

use huixin_sandbox::{AccountRules, SandboxAccount, SandboxConfig};

use crate::harness::{Backend, Process, Setup, Stack};

/// A receiver and a worker of one account without the customer-service right, with these keys more.
async fn without_the_right(keys: &str, backend: &Backend) -> (Stack, [Process; 2]) {
    let rules = AccountRules { may_send: false, ..AccountRules::default() };
    let account = SandboxAccount { rules, ..SandboxAccount::named("main") };
    let sandbox = SandboxConfig { accounts: vec![account], ..SandboxConfig::default() };
    let routes = format!("answer_by = \"push\"\n{keys}{}", backend.route());
    let mut stack = Stack::on_redis(Setup { routes, sandbox, ..Setup::default() }).await;
    let processes = [stack.role("receiver").await, stack.role("worker").await];
    (stack, processes)
}
