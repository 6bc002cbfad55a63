//! A call of a script, under construction.
//!
//! Callers give keys and arguments in the order of their items, and Redis wants all keys first: so each kind is gathered in
//! a command of its own, which holds its parts in one piece of memory. Rejected: the redis crate's `ScriptInvocation`, which
//! holds each part in a vector of its own, and copies them all.

use redis::{Arg, Cmd, Script, ToRedisArgs};

/// Of a number of keys.
const DIGITS_MAX: usize = 20;

/// A script, and what it will be given.
pub(super) struct ScriptCall<'a> {
    pub(super) script: &'a Script,
    keys: Cmd,
    args: Cmd,
}

impl<'a> ScriptCall<'a> {
    pub(super) fn new(script: &'a Script) -> Self {
        // Room for what most calls have: to grow step by step would cost more than all else here.
        Self { script, keys: Cmd::with_capacity(32, 1024), args: Cmd::with_capacity(32, 2048) }
    }

    /// Adds one to `KEYS`.
    pub(super) fn key(&mut self, key: impl ToRedisArgs) -> &mut Self {
        self.keys.arg(key);
        self
    }

    /// Adds one to `ARGV`.
    pub(super) fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        self.args.arg(arg);
        self
    }

    /// The command that runs the script, if Redis has it.
    pub(super) fn command(&self) -> Cmd {
        let (keys, args) = (self.keys.args_iter(), self.args.args_iter());
        // There are no cursors in a script's call.
        let parts = keys.clone().chain(args.clone()).filter_map(|part| match part {
            Arg::Simple(part) => Some(part),
            _ => None,
        });
        let (head, hash) = ("EVALSHA", self.script.get_hash());
        let bytes = head.len() + hash.len() + DIGITS_MAX + parts.clone().map(<[u8]>::len).sum::<usize>();
        let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), bytes);
        command.arg(head).arg(hash).arg(keys.len());
        parts.for_each(|part| _ = command.arg(part));
        command
    }
}
