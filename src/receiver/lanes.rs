//! Who must wait behind whom, while some messages can't go to the queue.
//!
//! A message whose accept timed out may be in the queue or not, and one in the spool is not there yet. A later message of the
//! same lane that went straight to the queue would overtake it. So the pushes of a lane take turns, and a lane with
//! messages in the spool goes there with its next ones too. Other lanes never wait.
//!
//! Turns cost a lane that pushes many messages at once a round trip each, and nobody else anything. Rejected: letting a
//! lane's accepts run side by side, since the first may fail and the second succeed; looking the lane up in the spool's
//! file, which would put the disk in the way of every push for as long as a single entry is there.
//!
//! Lanes are known by a hash. Two lanes that share a hash wait for each other without need, which harms neither. There are
//! no more of them than pushes under way and entries in the spool, at some 40 bytes each.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use huixin_queue::Lane;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

/// The lanes that have anything under way.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    hasher: RandomState,
    gates: Mutex<HashMap<u64, Gate>>,
    /// All entries of all lanes.
    spooled: AtomicU64,
}

/// A lane, by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LaneKey(u64);

#[derive(Debug, Default)]
struct Gate {
    /// Made by the first push: most lanes of a large spool never get one.
    turns: Option<Arc<Turns<()>>>,
    /// Pushes that have the turn or wait for it.
    pushes: u32,
    /// Entries that are in the spool, or on their way into it, and not in the queue.
    spooled: u32,
}

/// A push's turn in its lane, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct LaneTurn {
    /// Dropped first: the next push may come before the gate is tidied.
    _turn: OwnedMutexGuard<()>,
    ticket: Ticket,
}

/// A place in the line of a lane.
#[derive(Debug)]
struct Ticket {
    lanes: Arc<Lanes>,
    key: LaneKey,
}

impl Lanes {
    /// The key of a lane.
    pub(super) fn key(&self, lane: &Lane) -> LaneKey {
        LaneKey(self.hasher.hash_one(lane.as_str()))
    }

    /// Waits until it is a push's turn: in the order in which they ask.
    pub(super) async fn turn(self: &Arc<Self>, key: LaneKey) -> LaneTurn {
        let turns = {
            let mut gates = self.gates();
            let gate = gates.entry(key.0).or_default();
            gate.pushes += 1;
            gate.turns.get_or_insert_default().clone()
        };
        // From here on the gate is given back, also if this future is dropped.
        let ticket = Ticket { lanes: self.clone(), key };
        LaneTurn { _turn: turns.lock_owned().await, ticket }
    }

    /// How many pushes of the lane have the turn or wait for it.
    pub(super) fn pushes(&self, key: LaneKey) -> u32 {
        self.gates().get(&key.0).map_or(0, |gate| gate.pushes)
    }

    /// An entry of the lane is in the spool and not in the queue.
    pub(super) fn spooled(&self, key: LaneKey) {
        self.gates().entry(key.0).or_default().spooled += 1;
        self.spooled.fetch_add(1, Ordering::Relaxed);
    }

    /// One entry less.
    pub(super) fn left(&self, key: LaneKey) {
        self.change(key, |gate| {
            if gate.spooled > 0 {
                gate.spooled -= 1;
                self.spooled.fetch_sub(1, Ordering::Relaxed);
            }
        });
    }

    /// Whether the lane has entries in the spool.
    pub(super) fn has_spooled(&self, key: LaneKey) -> bool {
        self.gates().get(&key.0).is_some_and(|gate| gate.spooled > 0)
    }

    /// How many entries there are in all lanes.
    pub(super) fn total(&self) -> u64 {
        self.spooled.load(Ordering::Relaxed)
    }

    fn change(&self, key: LaneKey, change: impl FnOnce(&mut Gate)) {
        let mut gates = self.gates();
        if let Some(gate) = gates.get_mut(&key.0) {
            change(gate);
            if gate.pushes == 0 && gate.spooled == 0 {
                gates.remove(&key.0);
            }
        }
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<u64, Gate>> {
        // Every change is one step, so a panic elsewhere leaves nothing half done.
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LaneTurn {
    /// Whether the lane has entries in the spool, so that this push must go there too.
    pub(super) fn is_behind_spool(&self) -> bool {
        self.ticket.lanes.has_spooled(self.ticket.key)
    }

    /// This push goes into the spool.
    pub(super) fn spooled(&self) {
        self.ticket.lanes.spooled(self.ticket.key);
    }

    /// It did not get there.
    pub(super) fn left(&self) {
        self.ticket.lanes.left(self.ticket.key);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.lanes.change(self.key, |gate| gate.pushes -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt as _;

    use super::*;

    fn lane(name: &str) -> Lane {
        Lane::new(name).expect("a test's lane fits")
    }

    #[tokio::test]
    async fn pushes_of_a_lane_take_turns_in_their_order_and_other_lanes_do_not_wait() {
        let lanes = Arc::new(Lanes::default());
        let (a, b) = (lanes.key(&lane("a")), lanes.key(&lane("b")));
        let first = lanes.turn(a).await;
        let mut second = Box::pin(lanes.turn(a));
        let mut third = Box::pin(lanes.turn(a));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert!(lanes.turn(b).now_or_never().is_some());
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the second comes first");
        let second = (&mut second).now_or_never().expect("it is its turn");
        drop(second);
        assert!(third.now_or_never().is_some());
        assert!(lanes.gates().is_empty(), "nothing is left of it");
    }

    #[tokio::test]
    async fn a_push_that_goes_away_gives_its_turn_to_the_next() {
        let lanes = Arc::new(Lanes::default());
        let key = lanes.key(&lane("a"));
        let first = lanes.turn(key).await;
        let mut gone = Box::pin(lanes.turn(key));
        let mut waits = Box::pin(lanes.turn(key));
        assert!((&mut gone).now_or_never().is_none() && (&mut waits).now_or_never().is_none());
        drop(first);
        drop(gone);
        drop(tokio::time::timeout(Duration::from_secs(1), waits).await.expect("it gets its turn"));
        assert!(lanes.gates().is_empty());
    }

    #[tokio::test]
    async fn a_lane_is_behind_the_spool_for_as_long_as_it_has_entries_there() {
        let lanes = Arc::new(Lanes::default());
        let key = lanes.key(&lane("a"));
        lanes.spooled(key);
        let turn = lanes.turn(key).await;
        assert!(turn.is_behind_spool());
        turn.spooled();
        lanes.left(key);
        assert!(turn.is_behind_spool());
        turn.left();
        assert!(!turn.is_behind_spool());
        lanes.left(key);
        assert!(!turn.is_behind_spool() && lanes.total() == 0, "it never counts below nothing");
        drop(turn);
        assert!(lanes.gates().is_empty());
    }
}
