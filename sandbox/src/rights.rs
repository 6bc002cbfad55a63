//! The right to write to a user: a number of sends and a time, counted since the user last did something.
//!
//! Rights don't add up: of the sends that are left and those that the new trigger gives, the larger number counts, and the
//! later end. That is what WeChat's guide for mini programs says, and no page says otherwise. A stricter guess can be
//! switched on: only the newest trigger counts.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{SandboxConfig, SendWindow};

/// What opens a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opener {
    /// A message of the user.
    Message,
    /// A tap on a menu button or on an item of a menu message.
    Click,
    /// A scan of a QR code by a follower.
    Scan,
    /// A follow, by a QR code too.
    Follow,
}

/// What a user's triggers allow, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RightState {
    /// The last of them.
    pub by: Opener,
    /// Sends used since that.
    pub sent: u32,
    /// Sends allowed since that.
    pub of: u32,
    /// How long it is still open; 0 when it is over.
    pub closes_in_s: f64,
}

/// What a user's triggers allow.
#[derive(Debug)]
pub(crate) struct UserRight {
    by: Opener,
    /// Sends allowed since the last trigger.
    of: u32,
    until: Instant,
    sent: u32,
}

/// The window of each [`Opener`], in their order.
pub(crate) fn windows(config: &SandboxConfig) -> [SendWindow; 4] {
    let tap = config.after_tap;
    [config.after_message, tap, config.after_scan.unwrap_or(tap), config.after_follow.unwrap_or(tap)]
}

impl UserRight {
    pub(crate) fn opened(by: Opener, window: SendWindow, now: Instant) -> UserRight {
        UserRight { by, of: window.sends, until: now + window.lasts, sent: 0 }
    }

    /// This right, combined with what is left of an earlier one.
    pub(crate) fn beside(mut self, earlier: &UserRight, now: Instant) -> UserRight {
        if earlier.check_open(now).is_ok() {
            self.of = self.of.max(earlier.of.saturating_sub(earlier.sent));
            self.until = self.until.max(earlier.until);
        }
        self
    }

    /// Uses one send. Gives which one it is, from 1; 45047 when all are used.
    pub(crate) fn spend(&mut self, now: Instant) -> Result<u32, i64> {
        self.check_open(now)?;
        if self.sent < self.of { Ok(self.count()) } else { Err(45047) }
    }

    /// Counts a send for which nobody checked the right.
    pub(crate) fn count(&mut self) -> u32 {
        self.sent = self.sent.saturating_add(1);
        self.sent
    }

    /// 45015 when it is over.
    pub(crate) fn check_open(&self, now: Instant) -> Result<(), i64> {
        if now > self.until { Err(45015) } else { Ok(()) }
    }

    pub(crate) fn state(&self, now: Instant) -> RightState {
        let open = self.until.saturating_duration_since(now);
        RightState { by: self.by, sent: self.sent, of: self.of, closes_in_s: open.as_secs_f64() }
    }
}
