//! What a program knows that runs the account's worker beside the sandbox, as `huixin dev` does. WeChat knows nothing of it.
//!
//! The sandbox says what it can show, and the program gives that: what it is asked for through [`Backstage`], and what happens
//! to messages through [`Sandbox::staged`](crate::Sandbox::staged) and [`Sandbox::exchanged`](crate::Sandbox::exchanged). So
//! the sandbox needs to know neither the queue nor the worker, and a program without this hook loses nothing else.

use async_trait::async_trait;
use serde::Serialize;

/// The other side of the scene.
#[async_trait]
pub trait Backstage: std::fmt::Debug + Send + Sync + 'static {
    /// How many messages of a user are under way and dead; `None` when that can't be said now.
    async fn counts(&self, account: &str, user: &str) -> Option<UserCounts>;

    /// What the account's program does not call for now.
    async fn pauses(&self) -> Vec<PausedInterface>;

    /// The worker dies in the middle of its work, and another one starts.
    fn kill_worker(&self);
}

/// The messages of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserCounts {
    /// Waiting, handled now, or held.
    pub open: usize,
    /// Those of them that are held until the user does something.
    pub held: usize,
    /// Dead.
    pub dead: usize,
}

/// A part of WeChat's API that an account's program has stopped calling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PausedInterface {
    /// The account.
    pub account: String,
    /// Which part: `send`, `upload` …
    pub interface: String,
    /// The `errcode` that it was refused with.
    pub code: i64,
    /// What WeChat said.
    pub reason: String,
    /// What a person can do; may be empty.
    pub remedy: String,
    /// Until when, in Unix milliseconds.
    pub until_ms: u64,
}
