//! What the holder of a lease may do with its message.

use std::time::Duration;

use super::lane::{Current, Held, Message, Phase};
use super::state::{End, State, Value, noted};
use crate::clock::micros;
use crate::{
    HELD_MAX, Lease, Memory, Progress, PushAnswer, QueueError, Renewal, SendState, Settled, Settlement,
};

const TOO_MANY: &str = "too many messages of its lane were held";

impl State {
    pub(super) fn renew(&mut self, leases: &[Lease], lease_for: Duration) -> Vec<Renewal> {
        self.pulse.beat(self.now_us, Some(lease_for));
        let new_end_us = self.now_us + micros(lease_for);
        let renew = |lease: &Lease| {
            let Ok(current) = self.current(lease) else { return Renewal::Lost };
            current.confirmed = current.losses() > 0;
            if current.confirmed && !lease.note.is_empty() {
                current.message.note = noted(lease);
            }
            if let Some(Phase::Leased { until_us, .. }) =
                self.lanes.get_mut(&lease.lane).map(|lane| &mut lane.place)
            {
                *until_us = new_end_us;
            }
            Renewal::Kept
        };
        leases.iter().map(renew).collect()
    }

    pub(super) fn record(
        &mut self,
        lease: &Lease,
        progress: Progress,
        memory: Option<Memory>,
    ) -> Result<SendState, QueueError> {
        if progress.replies.is_some() {
            self.end_here(lease)?;
        }
        let current = self.current(lease)?;
        let forgets = current.forgets;
        let known = &mut current.message.progress;
        let is_announced = progress.sending.is_some() && progress.sending != known.sending;
        let is_taken_back =
            progress.sending.is_none() && known.sending.is_some() && progress.sent == known.sent;
        let are_first = known.replies.is_none() && progress.replies.is_some();
        let replies = progress.replies.or(known.replies.take());
        *known = Progress { replies, ..progress };
        if let Some(memory) = memory.filter(|_| are_first && !forgets) {
            let value = Value::kept(memory.bytes, self.now_us, memory.keep_for);
            self.memories.insert(lease.lane.clone(), value);
        }
        let lane = self.lanes.get_mut(&lease.lane).ok_or(QueueError::LeaseLost)?;
        if is_announced {
            lane.sends += 1;
        } else if is_taken_back {
            lane.sends = lane.sends.saturating_sub(1);
        }
        lane.send_state().ok_or(QueueError::LeaseLost)
    }

    pub(super) fn settle(&mut self, lease: &Lease, settlement: Settlement) -> Result<Settled, QueueError> {
        let now_us = self.now_us;
        let current = self.current(lease)?;
        match settlement {
            Settlement::Complete => {
                self.end_here(lease)?;
                if let Some(message) = self.go_on(&lease.lane) {
                    self.end(&lease.lane, ended(lease, message), None);
                }
            }
            Settlement::Retry { after, patience, reason } => {
                let since_us = *current.failing_since_us.get_or_insert(now_us);
                let gives_way_us = since_us.saturating_add(micros(patience));
                current.gives_way_us = Some(gives_way_us);
                current.message.failures += 1;
                let is_followed = current.followed || current.wakes > 0;
                let longest = Duration::from_micros(gives_way_us.saturating_sub(now_us));
                let after = if is_followed { after.min(longest) } else { after };
                self.postpone(lease, after, reason)?;
            }
            Settlement::Snooze { after, reason } => {
                current.gives_way_us = None;
                current.message.snoozes += 1;
                self.postpone(lease, after, reason)?;
            }
            Settlement::Release => self.make_ready(&lease.lane, End::Front),
            Settlement::Bury { reason } => {
                self.end_here(lease)?;
                if let Some(message) = self.go_on(&lease.lane) {
                    self.end(&lease.lane, ended(lease, message), Some(&reason));
                }
            }
            Settlement::Hold { wakes, hold_for, refused, reason, answer } => {
                return self.hold(lease, wakes, (hold_for, refused), (reason, answer));
            }
            Settlement::Offer { answer } => return self.offer(lease, *answer),
            Settlement::Await { within } => {
                (current.timed_out, current.gives_way_us) = (false, None);
                if current.message.answer.is_some() {
                    self.make_ready(&lease.lane, End::Back);
                    return Ok(Settled::ComesAgain);
                }
                self.delay(lease, within, true);
            }
        }
        Ok(Settled::AsAsked)
    }

    fn hold(
        &mut self,
        lease: &Lease,
        seen_trigger: u32,
        (hold_for, refused): (Duration, bool),
        (reason, answer): (String, Option<Box<PushAnswer>>),
    ) -> Result<Settled, QueueError> {
        self.end_here(lease)?;
        if self.current(lease)?.wakes > seen_trigger {
            self.make_ready(&lease.lane, End::Back);
            return Ok(Settled::ComesAgain);
        }
        if let Some(answer) = answer {
            self.keep_answer(lease, *answer)?;
        }
        let until_us = self.now_us + micros(hold_for);
        let Some(message) = self.go_on(&lease.lane) else { return Err(QueueError::LeaseLost) };
        let held = &mut self.lanes.entry(lease.lane.clone()).or_default().held;
        // Without its losses: it has been handled, and is no suspect any more.
        let message = Message { losses: 0, note: noted(lease), ..message };
        held.push_back(Held { message, refused, until_us, reason });
        if held.len() > HELD_MAX
            && let Some(oldest) = held.pop_front()
        {
            self.end(&lease.lane, oldest.message, Some(TOO_MANY));
        }
        Ok(Settled::AsAsked)
    }

    /// Lets the lane wait, unless there is an unheard answer by call back.
    fn postpone(&mut self, lease: &Lease, after: Duration, reason: String) -> Result<(), QueueError> {
        let current = self.current(lease)?;
        current.message.last_error = Some(reason);
        current.timed_out = false;
        if current.call_back_pending {
            self.make_ready(&lease.lane, End::Back);
        } else {
            self.delay(lease, after, false);
        }
        Ok(())
    }

    fn delay(&mut self, lease: &Lease, by: Duration, awaiting: bool) {
        let place = Phase::Delayed { until_us: self.now_us + micros(by), awaiting };
        self.lanes.entry(lease.lane.clone()).or_default().place = place;
    }

    /// Whether the attempt may end the message: with an unheard answer there, it comes again instead.
    pub(super) fn end_here(&mut self, lease: &Lease) -> Result<(), QueueError> {
        if self.current(lease)?.call_back_pending {
            self.make_ready(&lease.lane, End::Back);
            return Err(QueueError::CallBackPending);
        }
        Ok(())
    }

    /// The message of a lease, if that is the lane's.
    pub(super) fn current(&mut self, lease: &Lease) -> Result<&mut Current, QueueError> {
        let lane = self.lanes.get_mut(&lease.lane).ok_or(QueueError::LeaseLost)?;
        let is_right = matches!(&lane.place, Phase::Leased { token, .. } if *token == lease.token);
        let current = lane.current.as_mut().filter(|current| is_right && current.message.id == lease.id);
        current.ok_or(QueueError::LeaseLost)
    }
}

/// A message that its holder ends, with the holder's note if that has one.
fn ended(lease: &Lease, message: Message) -> Message {
    let note = Some(noted(lease)).filter(|note| !note.is_empty());
    Message { note: note.unwrap_or_else(|| message.note.clone()), ..message }
}
