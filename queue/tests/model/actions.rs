//! The steps, and what their callers hear.

use arrayvec::ArrayVec;

use crate::response::{Fate, Part, PushTry};
use crate::rules::{Rules, Settle};
use crate::state::{Door, HANDS, Hand, Message, Set, State};

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Push {
        message: Message,
        heard: bool,
    },
    /// The two halves of a push whose dedup isn't atomic.
    LookForMark {
        message: Message,
    },
    EnqueueUnmarked {
        message: Message,
    },
    Send {
        message: Message,
    },
    Arrive {
        message: Message,
    },
    Hear {
        message: Message,
    },
    GiveUp {
        message: Message,
    },
    ArriveLate {
        message: Message,
    },
    Drain {
        message: Message,
        heard: bool,
    },
    Take {
        worker: u8,
        heard: bool,
    },
    TakeLate {
        worker: u8,
    },
    Renew {
        worker: u8,
        at: usize,
    },
    Record {
        worker: u8,
        at: usize,
    },
    Settle {
        worker: u8,
        at: usize,
        how: Settle,
        heard: bool,
    },
    Crash {
        worker: u8,
    },
    LeaseRunsOut {
        lane: u8,
    },
    DelayEnds {
        lane: u8,
    },
    Gap,
    GapIsOver,
    Answer {
        message: Message,
        value: u8,
    },
    HeldTooLong {
        lane: u8,
    },
    PauseLane {
        lane: u8,
    },
    ResumeLane {
        lane: u8,
    },
    PauseClass,
    ResumeClass,
    Revive {
        message: Message,
    },
    Drop {
        message: Message,
    },
    Reopen,
    Save,
    LoseTail,
    Damage {
        lane: u8,
    },
    /// One more try of a push, which its receiver keeps open.
    Open {
        push: Message,
    },
    Claim {
        by: PushTry,
        heard: bool,
    },
    Respond {
        by: PushTry,
        fate: Fate,
    },
    Confirm {
        by: PushTry,
    },
    PushCloses {
        lane: u8,
    },
    /// The ends that pass beside that of a lane's delay.
    OfferEnds {
        message: Message,
    },
    ClaimEnds {
        message: Message,
    },
    SendPart {
        worker: u8,
        at: usize,
    },
    CountPart {
        worker: u8,
        at: usize,
    },
}

/// Messages given to a worker.
pub(crate) type Given = ArrayVec<Hand, HANDS>;

/// The answer to the caller of a step, whether or not it arrives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reply {
    New,
    Duplicate,
    Expired,
    /// What the store has of the lane can't be read.
    Damaged,
    Given {
        given: Given,
        again: bool,
    },
    Done,
    LeaseLost,
    /// An answer has come that this worker doesn't know.
    Answered,
    Already,
    Gone,
    /// No push is open for an offer.
    NobodyWaits,
    Claimed {
        part: Option<Part>,
        /// Messages of whose parts it isn't known whether they are out.
        unsure: Set,
    },
    PartSent(Part),
    /// Nobody asked.
    Nothing,
}

/// Does it.
pub(crate) fn act(rules: &Rules, state: &mut State, action: Action) -> Reply {
    match action {
        Action::Push { message, heard } => return state.push(rules, message, heard),
        Action::LookForMark { message } => _ = state.strays.add(message),
        Action::EnqueueUnmarked { message } => {
            // Two receivers have looked, so the first to come leaves the other under way.
            if !state.store.seen.add(message) {
                state.strays.remove(message);
            }
            state.enqueue(rules, message, false);
            state.doors[usize::from(message)] = Door::Done;
            return Reply::New;
        }
        Action::Send { message } => state.send(rules, message),
        Action::Arrive { message } => return state.arrive(rules, message),
        Action::Hear { message } => state.doors[usize::from(message)] = Door::Done,
        Action::GiveUp { message } => state.give_up(message),
        Action::ArriveLate { message } => return state.arrive_late(rules, message),
        Action::Drain { message, heard } => return state.drain(rules, message, heard),
        Action::Take { worker, heard } => return state.take(rules, worker, heard),
        Action::TakeLate { worker } => return state.take_late(rules, worker),
        Action::Renew { worker, at } => return state.renew(rules, worker, at),
        Action::Record { worker, at } => return state.record(rules, worker, at),
        Action::Settle { worker, at, how, heard } => return state.settle(rules, worker, at, how, heard),
        Action::Crash { worker } => state.crash(worker),
        Action::LeaseRunsOut { lane } => state.run_out(lane),
        Action::DelayEnds { lane } => state.end_delay(lane),
        Action::Gap => state.have_a_gap(),
        Action::GapIsOver => state.store.pausing = false,
        Action::Answer { message, value } => return state.answer(rules, message, value),
        Action::HeldTooLong { lane } => state.let_held_die(lane),
        Action::PauseLane { lane } => state.lane_mut(lane).paused = true,
        Action::ResumeLane { lane } => state.resume_lane(rules, lane),
        Action::PauseClass => state.store.gate_closed = true,
        Action::ResumeClass => state.store.gate_closed = false,
        Action::Revive { message } => return state.revive(rules, message),
        Action::Drop { message } => _ = state.store.dead.remove(message),
        Action::Reopen => state.reopen(rules),
        Action::Save => state.saved = Some(Box::new((state.store.clone(), state.history.clone()))),
        Action::LoseTail => state.lose_tail(),
        Action::Damage { lane } => {
            state.lane_mut(lane).damaged = true;
            state.was_damaged = true;
        }
        Action::Open { push } => state.open(rules, push),
        Action::Claim { by, heard } => return state.claim(rules, by, heard),
        Action::Respond { by, fate } => state.respond(by, fate),
        Action::Confirm { by } => state.confirm(rules, by),
        Action::PushCloses { lane } => state.lane_mut(lane).newest = None,
        Action::OfferEnds { message } => state.end_offer(message),
        Action::ClaimEnds { message } => state.end_claim(message),
        Action::SendPart { worker, at } => return state.send_part(rules, worker, at),
        Action::CountPart { worker, at } => return state.count_part(rules, worker, at),
    }
    Reply::Nothing
}
