//! What can be seen, and whether it can be.

use std::time::Duration;

use super::lane::{Lane, Phase};
use super::state::State;
use crate::clock::micros;
use crate::{
    Counts, DEAD_SCAN_MAX, DeadCursor, DeadFilter, DeadLetter, DeadPage, Lane as LaneName, LaneSnapshot,
    LaneState, Scope, Violation,
};

impl State {
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts {
            dead: u64::try_from(self.dead.len()).unwrap_or(u64::MAX),
            dead_uncounted: self.dead_uncounted,
            ..Counts::default()
        };
        for lane in self.lanes.values() {
            for message in lane.current.iter().map(|current| &current.message).chain(&lane.first) {
                *counts.open.entry(message.class.clone()).or_default() += 1;
            }
            for message in lane.older.iter().chain(lane.held.iter().map(|held| &held.message)) {
                *counts.open.entry(message.class.clone()).or_default() += 1;
            }
            counts.held += u64::try_from(lane.held.len()).unwrap_or(u64::MAX);
            match lane.place {
                Phase::Leased { .. } => counts.running += 1,
                Phase::Delayed { .. } => counts.delayed += 1,
                Phase::Parked => counts.parked += 1,
                Phase::Nowhere | Phase::Ready => {}
            }
        }
        for ((class, _), line) in &self.lines {
            let lanes = u64::try_from(line.len()).unwrap_or(u64::MAX);
            if lanes > 0 {
                *counts.ready_lanes.entry(class.clone()).or_default() += lanes;
            }
        }
        for class in counts.ready_lanes.keys() {
            // Suspects are next only if there is nobody else.
            let lines = [false, true].map(|suspect| self.lines.get(&(class.clone(), suspect)));
            let first = lines.into_iter().flatten().find_map(|line| line.front());
            let head = first.and_then(|name| self.lanes.get(name)?.head());
            if let Some(head) = head {
                counts.next_ages_us.insert(class.clone(), self.now_us.saturating_sub(head.arrived_us));
            }
        }
        counts
    }

    pub(super) fn lane_view(&self, name: &LaneName) -> Option<LaneSnapshot> {
        let nothing = Lane::default();
        let lane = self.lanes.get(name).unwrap_or(&nothing);
        let paused = self.paused.contains_key(&Scope::Lane(name.clone()));
        if lane.is_idle() && lane.held.is_empty() && !paused {
            return None;
        }
        let state = match lane.place {
            Phase::Nowhere => LaneState::Idle,
            Phase::Ready => LaneState::Ready,
            Phase::Leased { .. } => LaneState::Leased,
            Phase::Delayed { until_us, awaiting: true } => LaneState::Awaiting { until_us },
            Phase::Delayed { until_us, awaiting: false } => LaneState::Delayed { due_us: until_us },
            Phase::Parked => LaneState::Parked,
        };
        Some(LaneSnapshot {
            state,
            waiting: lane.waiting().map(|message| message.id.clone()).collect(),
            held: lane.held.iter().map(|held| held.message.id.clone()).collect(),
            paused,
            last_error: lane.current.as_ref().and_then(|current| current.message.last_error.clone()),
        })
    }

    pub(super) fn dead_page(&self, filter: &DeadFilter, after: Option<&DeadCursor>, limit: u64) -> DeadPage {
        let mut letters: Vec<&DeadLetter> = self.dead.values().map(|(letter, _)| letter).collect();
        letters.sort_unstable_by(|a, b| (b.died_us, &b.id).cmp(&(a.died_us, &a.id)));
        let is_behind = |letter: &&&DeadLetter| {
            after.is_none_or(|after| (letter.died_us, &letter.id) < (after.died_us, &after.id))
        };
        let total = u64::try_from(letters.len()).unwrap_or(u64::MAX);
        let mut page = DeadPage { total, ..DeadPage::default() };
        let limit = usize::try_from(limit.min(DEAD_SCAN_MAX)).unwrap_or(usize::MAX);
        let mut last = None;
        for (looked, letter) in (0..).zip(letters.iter().filter(is_behind)) {
            if page.letters.len() >= limit || looked >= DEAD_SCAN_MAX {
                page.next = last;
                break;
            }
            last = Some(DeadCursor { died_us: letter.died_us, id: letter.id.clone() });
            if matches(filter, letter) {
                page.letters.push((*letter).clone());
            }
        }
        page
    }

    pub(super) fn oldest_dead(&self, max_age: Duration, max: u64) -> Vec<DeadLetter> {
        let mut letters: Vec<&DeadLetter> = self.dead.values().map(|(letter, _)| letter).collect();
        letters.sort_unstable_by_key(|letter| (letter.died_us, &letter.id));
        let surplus = u64::try_from(letters.len()).unwrap_or(u64::MAX).saturating_sub(max);
        let is_old = |letter: &DeadLetter| letter.died_us + micros(max_age) <= self.now_us;
        let too_many = (0..DEAD_SCAN_MAX).zip(letters);
        too_many
            .take_while(|(n, letter)| *n < surplus || is_old(letter))
            .map(|(_, letter)| letter.clone())
            .collect()
    }

    /// Checks that a ready lane is in its line once and any other lane in none, and that each has what its state needs.
    pub(super) fn audit(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (name, lane) in &self.lanes {
            let in_line = self.lines.values().flatten().filter(|ready| *ready == name).count();
            let is_right = match lane.place {
                Phase::Nowhere => lane.is_idle(),
                Phase::Ready | Phase::Parked => !lane.is_idle(),
                Phase::Leased { .. } | Phase::Delayed { .. } => lane.current.is_some(),
            };
            if !is_right || in_line != usize::from(lane.place == Phase::Ready) {
                let problem = format!("{:?}, {in_line} times in line", lane.place);
                violations.push(Violation { lane: name.to_string(), problem });
            }
        }
        violations
    }
}

fn matches(filter: &DeadFilter, letter: &DeadLetter) -> bool {
    filter.class.as_ref().is_none_or(|class| *class == letter.class)
        && filter.lane.as_ref().is_none_or(|lane| *lane == letter.lane)
        && filter.reason.as_ref().is_none_or(|reason| letter.reason.contains(reason.as_str()))
}
