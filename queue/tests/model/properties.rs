//! What must be true of every state.
//!
//! The first table are the invariants, each read off one state alone. The second asks whether the last step
//! broke a rule; see `history.rs`. And from every state, whatever has gone wrong before, everything can still
//! come to its end: see `rescue.rs`.

use crate::QueueModel;
use crate::history::{Breach, is_acknowledged, is_valid};
use crate::rescue;
use crate::state::{Lane, Message, State};
use crate::taking::{DEADLY_LOSSES, SUSPECT_LOSSES};

type Condition = fn(&QueueModel, &State) -> bool;

pub(crate) const LANE_STATES: &str = "a lane with a message is in exactly one state, and one without in none";
pub(crate) const ONE_PLACE: &str = "a stored message is in exactly one place or at one end";
pub(crate) const KEPT: &str = "an acknowledged message is in the queue or in a spool";
pub(crate) const ONE_OWNER: &str = "a lane has at most one valid holder";
pub(crate) const TOKENS: &str = "a lane has a token exactly while it is leased";
pub(crate) const HEADS: &str = "a lane that is leased or delayed has a current message";
pub(crate) const AWAKE: &str = "no lane sleeps over an answer that its handler has not had";
pub(crate) const SUSPECTS: &str = "a worker runs at most one suspect";
pub(crate) const LOSSES: &str = "exactly the losses that count are counted, and the third kills";
pub(crate) const CAN_END: &str = "from every state everything can come to its end";

const INVARIANTS: &[(&str, Condition)] = &[
    (LANE_STATES, lanes_are_in_one_state),
    (ONE_PLACE, messages_are_in_one_place),
    (KEPT, acknowledged_messages_are_kept),
    (ONE_OWNER, lanes_have_one_owner),
    (TOKENS, |_, state| state.store.lanes.iter().all(|lane| lane.token.is_some() == lane.lease.is_some())),
    (HEADS, |_, state| state.store.lanes.iter().all(has_its_head)),
    (AWAKE, |_, state| state.store.lanes.iter().all(|lane| !sleeps_over_an_answer(state, lane))),
    (SUSPECTS, workers_run_one_suspect),
    (LOSSES, losses_are_counted),
];

macro_rules! breaches {
    ($($breach:ident: $name:literal,)*) => {
        /// What a breach is called.
        pub(crate) const fn name_of(breach: Breach) -> &'static str {
            match breach { $(Breach::$breach => $name,)* }
        }

        const STEP_RULES: &[&str] = &[$($name,)*];
    };
}

breaches! {
    StaleTokenChangedSomething: "a stale token changes nothing",
    CurrentTokenWasRefused: "a current token is honoured",
    AcceptedTwice: "a message is accepted once",
    RefusedAcceptChangedSomething: "an accept that is refused changes nothing",
    StartedOutOfOrder: "messages of a lane by one receiver start in their order",
    EndedMessageRan: "an ended message never runs again",
    OtherMessageThanTheCurrent: "a message that was begun stays the head until it ends or is held",
    NotFirstInLine: "what was given back or lost its worker is first in line",
    NotLastInLine: "a lane that has had its turn is last in line",
    RepeatedTakeDiffers: "a repeated take gives the same batch",
    LateTakeChangedSomething: "a take with a lower number changes nothing",
    LivingLeaseTaken: "neither a living lease nor a delay is cut short",
    PausedWasTaken: "what is paused is not taken",
    HoldMissedItsWake: "a message is held exactly if no waking message came since it was given",
    HeldWokeWrongly: "held messages wake in their order, in front of all that wait",
    AnswerNotFirstWins: "the first answer wins and the second hears so",
    AnswerNotHeard: "an answer that has won is heard before its message ends or has other replies",
    MemoryOfAnOlderAnswer: "only the first replies of a message write its lane's memory, and none whose user has left",
    MemoryOutlivesItsUser: "a user who leaves is forgotten",
    RevivedIsNotFresh: "a revived letter has all its attempts again",
    PartWentTwoWays: "a part goes out one way, or is a counted unsure one",
    OlderPartWasPassed: "no part in a response passes an older one",
    WithdrawnWasClaimed: "what is neither held nor offered is not claimed",
    AnotherUsersAnswer: "an answer goes out in a push of its own user only",
    RetryDiffers: "the next try of a push gets what an earlier one got",
    StaleConfirmChangedSomething: "only the try that has the claim ends it",
    PartsWereLeft: "a message is answered when none of its parts is left",
}

/// The first rule that this state breaks, if any: of all, or only of the one that is watched.
pub(crate) fn broken(model: &QueueModel, state: &State) -> Option<&'static str> {
    let watched = |name: &&str| model.watched.is_none_or(|watched| watched == *name);
    let broken = first_broken(model, state, watched);
    broken.or_else(|| Some(CAN_END).filter(watched).filter(|_| !rescue::can_end(&model.rules, state)))
}

/// Whether it makes sense to go on from here: what is broken may well panic.
pub(crate) fn is_sound(model: &QueueModel, state: &State) -> bool {
    first_broken(model, state, |name| model.watched.is_none_or(|watched| watched == *name)).is_none()
}

/// All rules by name.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    INVARIANTS.iter().map(|&(name, _)| name).chain(STEP_RULES.iter().copied()).chain([CAN_END])
}

fn first_broken(
    model: &QueueModel,
    state: &State,
    is_asked: impl Fn(&&'static str) -> bool,
) -> Option<&'static str> {
    let by_step = state.breach.map(name_of).filter(&is_asked);
    by_step.or_else(|| {
        let mut invariants = INVARIANTS.iter().filter(|(name, _)| is_asked(name));
        invariants.find(|(_, holds)| !holds(model, state)).map(|&(name, _)| name)
    })
}

/// The invariant of the whole design.
fn lanes_are_in_one_state(_: &QueueModel, state: &State) -> bool {
    (0..).zip(&state.store.lanes).all(|(no, lane)| {
        let lines = state.store.ready.iter().chain(&state.store.suspects);
        let places = lines.filter(|&&ready| ready == no).count()
            + usize::from(lane.lease.is_some())
            + usize::from(lane.delay.is_some())
            + usize::from(lane.parked);
        places == usize::from(!lane.is_idle())
    })
}

fn messages_are_in_one_place(model: &QueueModel, state: &State) -> bool {
    (0..model.rules.messages()).all(|message| {
        let lane = state.lane(model.rules.push(message).lane);
        let lists = [&lane.first, &lane.second, &lane.held];
        let places = lists.iter().flat_map(|list| list.iter()).filter(|&&m| m == message).count()
            + usize::from(state.store.dead.has(message))
            + usize::from(state.history.gone.has(message));
        places == usize::from(state.history.stored.has(message))
    })
}

fn acknowledged_messages_are_kept(model: &QueueModel, state: &State) -> bool {
    (0..model.rules.messages()).all(|message| {
        !is_acknowledged(state, message)
            || state.history.stored.has(message)
            || state.doors[usize::from(message)] == crate::state::Door::Spooled
    })
}

fn lanes_have_one_owner(_: &QueueModel, state: &State) -> bool {
    let mut owned = [0_u8; crate::state::LANES];
    for hand in state.workers.iter().flat_map(|worker| &worker.hands) {
        owned[usize::from(hand.lane)] += u8::from(is_valid(state, hand));
    }
    owned.iter().all(|&owners| owners <= 1)
}

fn has_its_head(lane: &Lane) -> bool {
    let needs_one = lane.lease.is_some() || lane.delay.is_some() || lane.pinned.is_some();
    !needs_one || lane.current().is_some()
}

fn sleeps_over_an_answer(state: &State, lane: &Lane) -> bool {
    let record = |message: Message| state.store.records[usize::from(message)];
    let has_news = |message| {
        let record = record(message);
        record.answer.is_some() && !record.answer_given && !record.replies
    };
    lane.current().filter(|_| lane.delay.is_some()).is_some_and(has_news)
}

fn workers_run_one_suspect(_: &QueueModel, state: &State) -> bool {
    state.workers.iter().all(|worker| {
        let is_suspect = |message: Message| state.history.losses[usize::from(message)] >= SUSPECT_LOSSES;
        worker.hands.iter().filter(|hand| is_valid(state, hand) && is_suspect(hand.message)).count() <= 1
    })
}

fn losses_are_counted(model: &QueueModel, state: &State) -> bool {
    (0..model.rules.messages()).all(|message| {
        let losses = state.history.losses[usize::from(message)];
        let has_ended = state.store.dead.has(message) || state.history.gone.has(message);
        state.store.records[usize::from(message)].losses == losses && (losses < DEADLY_LOSSES || has_ended)
    })
}
