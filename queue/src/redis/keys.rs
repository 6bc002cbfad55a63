//! Every key Huixin has in Redis, in one table.
//!
//! All keys of a shard carry one hash tag, the dedup marks too, so that every script touches one slot of a Redis
//! Cluster. There is one shard for now; its number is in the tag so that more can be added without moving anything.
//!
//! | key | type | holds |
//! | --- | --- | --- |
//! | `{prefix:0}:seen:<id>` | string | dedup mark: when it ends, us. Expires |
//! | `{prefix:0}:lane:<lane>` | list | packed messages, the head first; the head stays while it is leased or delayed |
//! | `{prefix:0}:run:<lane>` | hash | the head's record while there is something to remember: `token` (with the id), `worker`, `recorded` (the last record call), `failures`, `losses`, `snoozes`, `error`, `replies`, `sent`, `sending` |
//! | `{prefix:0}:ready:<class>` | list | lanes whose head can be taken, the next first |
//! | `{prefix:0}:lease` | zset | leased lane → when its lease runs out, us |
//! | `{prefix:0}:delay` | zset | delayed lane → when it is due, us |
//! | `{prefix:0}:open` | hash | class → messages not yet at their end |
//! | `{prefix:0}:dead` | zset | id of a dead letter → time of death, us |
//! | `{prefix:0}:letter:<id>` | hash | a dead letter |
//! | `{prefix:0}:arrived` | hash | class → letters dead on arrival; `class\0` → those only counted |
//! | `{prefix:0}:counter` | string | number of the last fencing token |
//! | `{prefix:0}:batch:<incarnation>` | string | a worker's last take, for its repetition. Expires |
//! | `{prefix:0}:wake` | list | wake-up tokens of idle workers, at most [`WAKE_TOKENS_MAX`] |
//! | `{prefix:0}:meta` | hash | `format`, `shards`: fixed when the queue is made |

use crate::{Class, Lane, MessageId, WorkerId};

/// How many wake-up tokens lie ready at most.
pub(super) const WAKE_TOKENS_MAX: usize = 64;

/// The keys of one shard.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    base: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { base: format!("{{{prefix}:0}}:") }
    }

    /// What all keys of the shard begin with; scripts name from it what can't be known before.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn seen(&self, id: &MessageId) -> String {
        format!("{}seen:{id}", self.base)
    }

    pub(super) fn lane(&self, lane: &Lane) -> String {
        format!("{}lane:{lane}", self.base)
    }

    pub(super) fn run(&self, lane: &Lane) -> String {
        format!("{}run:{lane}", self.base)
    }

    pub(super) fn ready(&self, class: &Class) -> String {
        format!("{}ready:{class}", self.base)
    }

    pub(super) fn letter(&self, id: &MessageId) -> String {
        format!("{}letter:{id}", self.base)
    }

    pub(super) fn batch(&self, worker: &WorkerId) -> String {
        format!("{}batch:{}", self.base, worker.incarnation())
    }

    pub(super) fn lease(&self) -> String {
        format!("{}lease", self.base)
    }

    pub(super) fn delay(&self) -> String {
        format!("{}delay", self.base)
    }

    pub(super) fn open(&self) -> String {
        format!("{}open", self.base)
    }

    pub(super) fn dead(&self) -> String {
        format!("{}dead", self.base)
    }

    pub(super) fn arrived(&self) -> String {
        format!("{}arrived", self.base)
    }

    pub(super) fn counter(&self) -> String {
        format!("{}counter", self.base)
    }

    pub(super) fn wake(&self) -> String {
        format!("{}wake", self.base)
    }

    pub(super) fn meta(&self) -> String {
        format!("{}meta", self.base)
    }
}
