//! The right to write to a user: so many sends, for so long, since what the user last did.
//!
//! WeChat doesn't say what happens when windows overlap. Here the last trigger counts alone, which is the strictest reading:
//! a worker that is content with this is content with the others.

use tokio::time::Instant;

use crate::Window;

/// What a user's last trigger allows.
#[derive(Debug)]
pub(crate) struct Right {
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

impl Right {
    pub(crate) fn opened_now(window: Window) -> Right {
        Right { window, opened: Instant::now(), sent: 0 }
    }

    /// Uses one send.
    pub(crate) fn spend(&mut self) -> Result<(), NoRight> {
        self.check_open()?;
        if self.sent >= self.window.sends {
            return Err(NoRight::UsedUp);
        }
        self.sent += 1;
        Ok(())
    }

    pub(crate) fn check_open(&self) -> Result<(), NoRight> {
        if self.opened.elapsed() > self.window.lasts { Err(NoRight::Closed) } else { Ok(()) }
    }
}
