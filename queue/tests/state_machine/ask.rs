//! An operation on one queue, and its answer in a form that can be compared.

use std::fmt::Debug;
use std::time::Duration;

use huixin_queue::{
    Claimed, DeadFilter, JournalFilter, Lease, Leased, Memory, MessageId, NewMessage, Progress, Queue, Scope,
    Settlement, TakeRequest,
};

use super::damage;
use super::names::{IDS, LANES, RECEIVERS, class_of, id, lane, push};
use super::operation::Operation;
use super::pushes::worded;
use super::run::{Named, Run, Side};

/// An answer, without tokens, which rightly differ.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) given: Vec<Leased>,
    pub(crate) buried: usize,
    pub(crate) opened: Option<u32>,
    pub(crate) claimed: Option<Claimed>,
}

impl Run<'_> {
    /// Does it to one of the two. News is heard at once, since a crash may lose it.
    pub(crate) async fn ask(&self, side: Side, operation: &Operation, named: &Named) -> Reply {
        let mut reply = self.apply(side, operation, named).await;
        if operation.brings_news() {
            for receiver in RECEIVERS {
                let news = self.queue(side).news(receiver, Duration::ZERO).await;
                reply.text += &format!(" {receiver} {news:?}");
            }
        }
        reply
    }

    async fn apply(&self, side: Side, operation: &Operation, named: &Named) -> Reply {
        let queue = self.queue(side);
        let pair = named.lease.map(|at| &self.leases[at]);
        let reason = format!("step {}", self.step);
        let noted = |lease: Lease| Lease { note: reason.clone().into(), ..lease };
        let lease = || noted(pair.expect("an operation that names a lease has one").of(side));
        match operation {
            Operation::Accept { .. } => reply(queue.accept(self.message(operation)).await),
            Operation::Take { worker, .. } | Operation::TakeAgain { worker } => {
                let request = self.workers[usize::from(*worker)].last.clone();
                taken(queue, &request.expect("it has asked"), named.is_haunted).await
            }
            Operation::TakeLate { worker } => {
                let worker = &self.workers[usize::from(*worker)];
                let mut request = worker.last.clone().expect("it has asked");
                request.call = worker.given - 1;
                taken(queue, &request, named.is_haunted).await
            }
            Operation::Renew { leases, lease_for } => {
                let leases: Vec<Lease> = leases
                    .iter()
                    .filter_map(|&which| Some(noted(self.leases[self.place(which)?].of(side))))
                    .collect();
                reply(queue.renew(&leases, *lease_for).await)
            }
            Operation::Record { replies, memory, sent, sending, .. } => {
                let replies = replies.then(|| format!("replies of {reason}").into());
                let progress = Progress { replies, sent: *sent, sending: *sending };
                // Empty forgets what was there.
                let bytes = |keep_for: Duration| match keep_for.is_zero() {
                    true => String::new(),
                    false => format!("memory of {reason}"),
                };
                let memory = memory.map(|keep_for| Memory { bytes: bytes(keep_for).into(), keep_for });
                reply(queue.record(&lease(), progress, memory).await)
            }
            Operation::Settle { settlement, .. } => {
                let pair = pair.expect("it names a lease");
                let mut settlement = settlement.clone();
                if let Settlement::Hold { wakes: wakes @ 0, .. } = &mut settlement {
                    *wakes = pair.wakes;
                }
                if let Settlement::Offer { answer } | Settlement::Hold { answer: Some(answer), .. } =
                    &mut settlement
                {
                    **answer = worded(answer, pair.is_recorded, &reason);
                }
                reply(queue.settle(&lease(), settlement).await)
            }
            Operation::Open { lane: l, push: n, open_for } => {
                let opened = queue.open(&lane(*l), &push(*l, *n, *open_for)).await;
                Reply { opened: opened.as_ref().ok().copied(), ..reply(opened) }
            }
            Operation::Claim { lane: l, .. } => {
                let a_try = self.pushes.find(operation).expect("there is one");
                let claimed = queue.claim(&lane(*l), &class_of(*l), a_try, Duration::from_secs(1)).await;
                Reply { claimed: claimed.as_ref().ok().cloned(), ..reply(claimed) }
            }
            Operation::Confirm { lane: l, written, .. } => {
                let a_try = self.pushes.find(operation).expect("there is one");
                reply(queue.confirm(&lane(*l), a_try, *written).await)
            }
            Operation::Announce { lane: l } => reply(queue.announce(&lane(*l)).await),
            Operation::AnswerLeased { .. } => {
                let lease = lease();
                reply(queue.answer(&lease.lane, &lease.id, format!("answer of {reason}").into()).await)
            }
            Operation::Answer { id: n, lane: l } => {
                reply(queue.answer(&lane(*l), &id(*n), format!("answer of {reason}").into()).await)
            }
            Operation::Dead { limit, lane: of } => pages(queue, *limit, *of).await,
            Operation::Revive { letters } => reply(queue.revive(&named.ids(letters)).await),
            Operation::Drop { letters } => reply(queue.drop_dead(&named.ids(letters)).await),
            Operation::Pause { scope } => reply(queue.pause(scope, &reason).await),
            Operation::Resume { nth } => {
                let scope = named.paused.get(*nth).unwrap_or(&Scope::All);
                reply(queue.resume(scope).await)
            }
            Operation::Set { empty, keep_for } => {
                let value = if *empty { String::new() } else { reason };
                reply(queue.set("name", value.into(), *keep_for).await)
            }
            Operation::Beat => reply(queue.beat().await),
            Operation::Get => reply(queue.get("name").await),
            Operation::Limit { n } => reply(queue.limit("name", *n, Duration::from_secs(60)).await),
            Operation::Die { .. }
            | Operation::Pass { .. }
            | Operation::Jump { .. }
            | Operation::Damage { .. }
            | Operation::Crash { .. } => Reply::default(),
        }
    }

    /// Everything that can be seen of a queue.
    pub(crate) async fn look(&self, side: Side) -> String {
        let queue = self.queue(side);
        let all = DeadFilter::default();
        let lanes = futures::future::join_all((0..LANES).map(|n| async move { queue.lane(&lane(n)).await }));
        let ended = JournalFilter::default();
        let (audit, counts, dead, paused, journal, lanes) = futures::join!(
            damage::audit(queue),
            queue.counts(),
            queue.dead(&all, None, 100),
            queue.paused(),
            queue.journal(&ended, None, 100),
            lanes
        );
        let counts = counts.map(|mut counts| {
            // What can't be read is counted until a take meets it, and in front it has no age.
            counts.open.retain(|class, _| !class.as_str().contains('\u{fffd}'));
            counts.next_ages_us.retain(|_, _| !self.is_damaged);
            if side == Side::Engine {
                self.ghosts().leave(&mut counts);
            }
            counts
        });
        let journal = journal.map(|mut page| {
            // What ends in one step has no order.
            page.records.sort_by(|a, b| (b.ended_ms, &b.id).cmp(&(a.ended_ms, &a.id)));
            page.records
        });
        let mut seen =
            vec![audit, reply(counts).text, reply(dead).text, reply(paused).text, reply(journal).text];
        seen.extend(lanes.into_iter().map(|lane| {
            let readable = lane.map(|lane| {
                lane.map(|mut lane| {
                    lane.waiting.retain(|id| !id.as_str().contains('\u{fffd}'));
                    lane
                })
            });
            reply(readable).text
        }));
        seen.join("\n")
    }

    fn message(&self, operation: &Operation) -> NewMessage {
        let &Operation::Accept { id: n, lane: l, effect, late, age, unreadable } = operation else {
            unreachable!("only an accept has a message")
        };
        let age_us = u64::try_from(age.as_micros()).expect("it is short");
        NewMessage {
            id: id(n),
            lane: lane(l),
            class: class_of(l),
            payload: format!("payload of step {}", self.step).into(),
            arrived_us: self.clock.now_us() - age_us,
            not_after: None,
            held: effect,
            late,
            dead_reason: unreadable.then(|| format!("step {}", self.step)),
        }
    }
}

fn reply(answer: impl Debug) -> Reply {
    Reply { text: format!("{answer:?}"), ..Reply::default() }
}

/// Where a ghost stands, the time until something is due may be its own.
async fn taken(queue: &dyn Queue, request: &TakeRequest, is_haunted: bool) -> Reply {
    let mut taken = match queue.take(request).await {
        Ok(taken) => taken,
        Err(error) => return reply(error),
    };
    // What dies in one step has no order.
    taken.buried.sort_by(|a, b| a.id.cmp(&b.id));
    let mut text = format!("{:?}", taken.buried);
    if taken.messages.len() < request.max && !is_haunted {
        text += &format!(" next {:?}", taken.next_due);
    }
    for given in &taken.messages {
        let Leased { lease: Lease { lane, id, token: _, note: _ }, class, payload, arrived_us, .. } = given;
        let Leased { failures, losses, snoozes, last_error, progress, send_state, memory, .. } = given;
        let Leased { answer, timed_out, failing_for, .. } = given;
        text += &format!("\n{lane} {id} {class} {payload:?} {arrived_us} {failures} {losses} {snoozes}");
        text += &format!(
            " {last_error:?} {progress:?} {send_state:?} {memory:?} {answer:?} {timed_out} {failing_for:?}"
        );
    }
    Reply { text, given: taken.messages, buried: taken.buried.len(), ..Reply::default() }
}

/// All pages of dead letters.
async fn pages(queue: &dyn Queue, limit: u64, of: Option<u8>) -> Reply {
    let filter = DeadFilter { lane: of.map(lane), ..DeadFilter::default() };
    let mut text = String::new();
    let mut after = None;
    // There are no more letters than ids.
    for _ in 0..=IDS {
        let page = match queue.dead(&filter, after.as_ref(), limit).await {
            Ok(page) => page,
            Err(error) => return reply(error),
        };
        text += &format!("{page:?}\n");
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Reply { text, ..Reply::default() }
}

impl Named {
    /// The ids of these letters; where there is none, one that no letter has.
    fn ids(&self, letters: &[usize]) -> Vec<MessageId> {
        letters.iter().map(|&nth| self.letters.get(nth).cloned().unwrap_or_else(|| id(u8::MAX))).collect()
    }
}
