//! Every key Huixin has in Redis, in one table.
//!
//! All keys of a shard carry one hash tag, the dedup marks too, so that every script touches one slot of a Redis
//! Cluster. There is one shard for now; its number is in the tag so that more can be added without moving anything.
//!
//! | key | type | holds |
//! | --- | --- | --- |
//! | `{prefix:0}:seen:a`, `…:seen:b` | hash | id → when its dedup mark ends, ms; an empty name → since when the hash takes marks, us. They take turns. Expires |
//! | `{prefix:0}:lane:<lane>` | list | packed messages, the head first; the current one stays |
//! | `{prefix:0}:older:<lane>` | list | the second list: records of drained and of woken messages; the current one has left it |
//! | `{prefix:0}:run:<lane>` | hash | the current message's record, from its first take to its end: `recorded` (the last record call), `token` (with the id), `worker`, `packed` (if it came from the second list), `failures`, `failing_since`, `gives_way` (until when it may hold others up), `followed` (others waited behind it when it was taken), `losses`, `lost_by`, `confirmed`, `snoozes`, `error`, `replies`, `sent`, `sending`, `sends` (of the lane: how many, and if it is known how many there may be in all, until when in seconds, and what has closed that), `trigger`, `forgets` (no memory is written any more), `awaiting`, `unanswered`, `unheard`, `answer`, `response` (its answer while that may go out in responses: a record), `note` (its holder's, for the journal) |
//! | `{prefix:0}:sends:<lane>` | string | what a lane that waits between two messages has sent and may send, if there is something to tell: as `sends` above |
//! | `{prefix:0}:held:<lane>` | hash | order → record of a held message |
//! | `{prefix:0}:memory:<lane>` | string | until when, us, a colon, the lane's memory. Expires |
//! | `{prefix:0}:ready:<class>` | list | lanes whose head can be taken, the next first |
//! | `{prefix:0}:suspect:<class>` | list | the same, for heads that have outlived two workers |
//! | `{prefix:0}:lease` | zset | leased lane → when its lease runs out, us |
//! | `{prefix:0}:delay` | zset | delayed lane → when it is due, us |
//! | `{prefix:0}:hold` | zset | held message (length of its order, order, lane) → until when, us |
//! | `{prefix:0}:paused` | hash | `*`, `c` and a class, `l` and a lane → since when, us, a colon, the reason |
//! | `{prefix:0}:parked` | zset | parked lane → since when, us |
//! | `{prefix:0}:pulse` | hash | `beat`: when the store was last known to serve; `quiet`: the end of the pause after its last gap; `short`, `long`: the leases known, `since` when; `ahead`: until when deadlines may be left from before the clock was set back; us |
//! | `{prefix:0}:open` | hash | class → messages not yet at their end |
//! | `{prefix:0}:dead` | zset | id of a dead letter → time of death, us |
//! | `{prefix:0}:letter:<id>` | hash | a dead letter |
//! | `{prefix:0}:journal` | stream | how messages ended, an entry each: `head` (a packed message without its payload), `lane`, and if there is such a thing `dies_of`, `failures`, `losses`, `sent` and `note` (its holder's). The oldest are trimmed |
//! | `{prefix:0}:anew` | stream | the copy of the journal that is under way, by [`compact`](crate::Operator::compact) |
//! | `{prefix:0}:arrived` | hash | class → letters dead on arrival; `class\0` → those only counted |
//! | `{prefix:0}:counter` | string | number of the last fencing token or held message |
//! | `{prefix:0}:batch:<incarnation>` | string | a worker's last take, for its repetition. Expires |
//! | `{prefix:0}:answered:<id>` | string | mark of a message that had its answer by call back: when it ends, us. Expires |
//! | `{prefix:0}:newest:<lane>` | string | record of the newest push of the lane whose response isn't written. Expires |
//! | `{prefix:0}:push:<id>` | hash | such a push: `tries`, `until` (when it is forgotten, us), `part` (what went out for it), `more` (whether there was more). Expires |
//! | `{prefix:0}:news:<receiver>` | list | lanes that a receiver should look at, at most 4,096. Expires |
//! | `{prefix:0}:value:<name>` | string | until when, us, a colon, a shared value. Expires |
//! | `{prefix:0}:limit:<name>` | string | when all that a limit granted will have been earned, us. Expires |
//! | `{prefix:0}:folder:<folder>` | zset | names of shared values that begin alike, up to a slash → until when, us |
//! | `{prefix:0}:classes:ready`, `…:suspect` | zset | the classes that have such lines, all with the score 0; those of empty lines are taken out by the next take |
//! | `{prefix:0}:filter:<name>` | set | the classes that workers take, which know them together by this name. Expires |
//! | `{prefix:0}:damaged:<us>:<name>` | any | what was set aside as damaged, when, and the rest of its key's name |
//! | `{prefix:0}:alarm` | list | what was set aside and not reported to a worker yet: its name, a NUL, why; at most 64 |
//! | `{prefix:0}:wake` | list | wake-up tokens of idle workers, at most 64 |
//! | `{prefix:0}:probe` | any | what the start tries the commands on; gone at once |
//! | `{prefix:0}:meta` | hash | `format`, `shards`, `identity` (random, so that an emptied or exchanged Redis is noticed): fixed when the queue is made |

use crate::{Class, Lane, MessageId};

/// The keys of one shard.
#[derive(Clone, Debug)]
pub(super) struct ShardKeys {
    base: String,
}

macro_rules! keys {
    (shared: $($one:ident)*; of: $($each:ident($of:ty))*;) => {
        impl ShardKeys {
            $(pub(super) fn $one(&self) -> String {
                [&self.base, stringify!($one)].concat()
            })*

            $(pub(super) fn $each(&self, of: &$of) -> String {
                [&self.base, concat!(stringify!($each), ":"), of.as_ref()].concat()
            })*
        }
    };
}

keys! {
    shared: anew arrived counter dead delay hold journal lease meta open parked paused probe pulse wake;
    of: letter(MessageId) answered(MessageId)
        lane(Lane) older(Lane) run(Lane) held(Lane) sends(Lane) memory(Lane)
        ready(Class) suspect(Class)
        batch(str) value(str) limit(str) folder(str)
        newest(Lane) push(MessageId) news(str);
}

impl ShardKeys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { base: format!("{{{prefix}:0}}:") }
    }

    /// Both hashes of dedup marks.
    pub(super) fn seen(&self) -> [String; 2] {
        ["seen:a", "seen:b"].map(|name| [&self.base, name].concat())
    }

    /// What all keys of the shard begin with. Scripts derive from it the keys that their caller can't know.
    pub(super) fn base(&self) -> &str {
        &self.base
    }
}
