//! The right to write to a user: so many sends, for so long, since what the user last did.
//!
//! WeChat doesn't say what happens when windows overlap. Here the last trigger counts alone, which is the strictest reading:
//! a worker that is content with this is content with the others.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{SandboxConfig, Window};

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

/// What a user's last trigger allows, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RightState {
    /// What opened it.
    pub by: Opener,
    /// Sends used.
    pub sent: u32,
    /// Sends allowed.
    pub of: u32,
    /// How long it is open yet; 0 when it is over.
    pub closes_in_s: f64,
}

/// What a user's last trigger allows.
#[derive(Debug)]
pub(crate) struct Right {
    by: Opener,
    window: Window,
    opened: Instant,
    sent: u32,
}

/// Why there is no right to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRight {
    /// 45015: the window is over, or the user has left.
    Closed,
    /// 45047: all sends of the window are used.
    UsedUp,
}

/// The window of each trigger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows([Window; 4]);

impl Windows {
    pub(crate) fn new(config: &SandboxConfig) -> Windows {
        let tap = config.after_tap;
        Windows([
            config.after_message,
            tap,
            config.after_scan.unwrap_or(tap),
            config.after_follow.unwrap_or(tap),
        ])
    }

    pub(crate) fn of(&self, opener: Opener) -> Window {
        self.0[opener as usize]
    }

    pub(crate) fn set(&mut self, opener: Opener, window: Window) {
        self.0[opener as usize] = window;
    }
}

impl Right {
    pub(crate) fn opened(by: Opener, window: Window, now: Instant) -> Right {
        Right { by, window, opened: now, sent: 0 }
    }

    /// Uses one send. Gives which one it is, from 1.
    pub(crate) fn spend(&mut self, now: Instant) -> Result<u32, NoRight> {
        self.check_open(now)?;
        if self.sent >= self.window.sends {
            return Err(NoRight::UsedUp);
        }
        self.sent += 1;
        Ok(self.sent)
    }

    /// Counts a send that nobody asked the right for.
    pub(crate) fn count(&mut self) -> u32 {
        self.sent = self.sent.saturating_add(1);
        self.sent
    }

    pub(crate) fn check_open(&self, now: Instant) -> Result<(), NoRight> {
        if now.duration_since(self.opened) > self.window.lasts { Err(NoRight::Closed) } else { Ok(()) }
    }

    pub(crate) fn state(&self, now: Instant) -> RightState {
        let open: Duration = self.window.lasts.saturating_sub(now.duration_since(self.opened));
        RightState { by: self.by, sent: self.sent, of: self.window.sends, closes_in_s: open.as_secs_f64() }
    }
}
