//! A command with all that it starts.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// A process group of its own; killed, every process of it, when dropped.
pub(crate) struct Group {
    leader: Child,
}

impl Group {
    /// Starts it without input.
    pub(crate) fn spawn(command: &mut Command) -> std::io::Result<Self> {
        let leader = command.process_group(0).stdin(Stdio::null()).spawn()?;
        Ok(Self { leader })
    }

    /// Whether its leader has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.leader.try_wait().is_ok_and(|ended| ended.is_some())
    }
}

impl Group {
    /// SIGTERM for its leader alone, as somebody who stops a script sends it.
    pub(crate) fn stop(&self) {
        let _ = Command::new("kill").args(["-TERM", &self.leader.id().to_string()]).status();
    }

    /// Whether some process of it is still there.
    pub(crate) fn is_there(&self) -> bool {
        let group = format!("-{}", self.leader.id());
        let status = Command::new("kill").args(["-0", "--", &group]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.leader.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.leader.wait();
    }
}
