//! What is kept of one user, and its end.

use huixin_queue::{
    Compaction, DEAD_SCAN_MAX, DeadFilter, Forgotten, JOURNAL_SCAN_MAX, JournalFilter, Queue,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::UserName;
use crate::report::Failure;

/// What the queue keeps of a user, besides what routes remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptOfUser {
    /// Messages that wait or are running; at most 200 are counted.
    pub open: u64,
    /// Messages that are held until the user writes again.
    pub held: u64,
    /// Dead letters.
    pub dead: u64,
    /// Records of the journal.
    pub journal: u64,
    /// Whether the user is paused.
    pub paused: bool,
}

/// What was removed of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForgottenOfUser {
    /// Messages that waited or were running: they get no answer.
    pub open: u64,
    /// Messages that were held: they get no answer either.
    pub held: u64,
    /// Dead letters.
    pub dead: u64,
    /// Records of the journal.
    pub journal: u64,
    /// Whether routes remembered something.
    pub memory: bool,
    /// Whether the user was paused, and isn't any more.
    pub paused: bool,
}

/// How the store is written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CompactionView {
    /// `done`; `begun`: the store does it beside its work; or `needless`: the store keeps no log.
    pub state: String,
}

/// Counts what is there.
pub(super) async fn kept(queue: &dyn Queue, name: &UserName) -> Result<KeptOfUser, Failure> {
    let lane = name.lane()?;
    let snapshot = queue.lane(&lane).await?;
    let count = |ids: &[_]| ids.len() as u64;
    let mut kept = KeptOfUser {
        open: snapshot.as_ref().map_or(0, |lane| count(&lane.waiting)),
        held: snapshot.as_ref().map_or(0, |lane| count(&lane.held)),
        dead: 0,
        journal: 0,
        paused: snapshot.is_some_and(|lane| lane.paused),
    };
    let (filter, mut after) = (DeadFilter { lane: Some(lane.clone()), ..DeadFilter::default() }, None);
    loop {
        let page = queue.dead(&filter, after.as_ref(), DEAD_SCAN_MAX).await?;
        kept.dead += page.letters.len() as u64;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let (filter, mut after) = (JournalFilter { lane: Some(lane), ..JournalFilter::default() }, None);
    loop {
        let page = queue.journal(&filter, after.as_ref(), JOURNAL_SCAN_MAX).await?;
        kept.journal += page.records.len() as u64;
        after = page.next;
        if after.is_none() {
            return Ok(kept);
        }
    }
}

impl ForgottenOfUser {
    pub(super) fn of(forgotten: &Forgotten) -> Self {
        let Forgotten { messages, held, dead, journal, memory, paused } = *forgotten;
        Self { open: messages, held, dead, journal, memory, paused }
    }

    /// How many things were removed, for the note of the change.
    pub(super) fn count(&self) -> u64 {
        self.open + self.held + self.dead + self.journal
    }
}

impl CompactionView {
    pub(super) fn of(compaction: Compaction) -> Self {
        let state = match compaction {
            Compaction::Done => "done",
            Compaction::Begun => "begun",
            Compaction::Needless => "needless",
        };
        Self { state: state.to_owned() }
    }
}
