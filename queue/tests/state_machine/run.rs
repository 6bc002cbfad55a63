//! One sequence of operations, on an engine and on the reference.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use huixin_queue::prelude::*;
use huixin_queue::testing::ReferenceQueue;
use huixin_queue::testing::conformance::{LEASE, START_US};
use huixin_queue::{DeadFilter, Lease, Leased, MessageId, Scope, TakeRequest, TestClock, Token, WorkerId};

use super::ask::Reply;
use super::damage::{self, Ghosts};
use super::engine::Engine;
use super::names::{CLASSES, class, lane};
use super::operation::{Operation, Which};
use super::pushes::Pushes;
use super::tally::Tally;

/// Both queues, and what their users know.
pub(crate) struct Run<'a> {
    pub(crate) clock: TestClock,
    pub(crate) engine: Engine<'a>,
    reference: ReferenceQueue,
    pub(crate) workers: Vec<Worker>,
    /// All leases that were ever given, by each queue.
    pub(crate) leases: Vec<Pair>,
    /// The engine's token for each of the reference's.
    tokens: HashMap<Token, Token>,
    pub(crate) pushes: Pushes,
    pub(crate) step: u32,
    pub(crate) is_damaged: bool,
    /// Ghosts may stand somewhere: some were put there, and none has been missed since.
    is_haunted: Cell<bool>,
}

/// The same lease, as each queue gave it.
pub(crate) struct Pair {
    engine: Lease,
    reference: Lease,
    pub(crate) wakes: u32,
    /// Whether replies were recorded when it was given.
    pub(crate) is_recorded: bool,
    /// Whether it was settled, or its worker heard that it is lost.
    is_over: bool,
}

/// What an operation may mean by a place.
pub(crate) struct Named {
    /// Where its lease is among all.
    pub(crate) lease: Option<usize>,
    pub(crate) letters: Vec<MessageId>,
    pub(crate) paused: Vec<Scope>,
    /// Something stands where only a message's lane should.
    pub(crate) is_haunted: bool,
}

pub(crate) struct Worker {
    id: WorkerId,
    call: u64,
    pub(crate) last: Option<TakeRequest>,
    /// The last call that gave something, if no process died since.
    pub(crate) given: u64,
    asked_us: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Engine,
    Reference,
}

impl<'a> Run<'a> {
    pub(crate) fn new(clock: TestClock, engine: Engine<'a>, reference: ReferenceQueue) -> Self {
        let worker = |n: u8| Worker {
            id: WorkerId::new(format!("worker {n}")),
            call: 0,
            last: None,
            given: 0,
            asked_us: START_US,
        };
        Self {
            clock,
            engine,
            reference,
            workers: (0..3).map(worker).collect(),
            leases: Vec::new(),
            tokens: HashMap::new(),
            pushes: Pushes::default(),
            step: 0,
            is_damaged: false,
            is_haunted: Cell::new(false),
        }
    }

    /// Does it to both. The text says what is different.
    pub(crate) async fn step(&mut self, operation: &Operation, tally: &mut Tally) -> Result<(), String> {
        self.step += 1;
        if !self.prepare(operation).await {
            return Ok(());
        }
        let Some(named) = self.named(operation).await else { return Ok(()) };
        let before = match operation {
            Operation::Confirm { .. } => self.look(Side::Reference).await,
            _ => String::new(),
        };
        let engine = self.ask(Side::Engine, operation, &named).await;
        let reference = self.ask(Side::Reference, operation, &named).await;
        if engine.text != reference.text {
            return Err(differ(&engine.text, &reference.text));
        }
        let settled = operation.settles() && !engine.text.contains("NobodyWaits");
        let is_over = ["LeaseLost", "Err(CallBackPending)"].iter().any(|end| engine.text.contains(end));
        if let Some(at) = named.lease.filter(|_| is_over || settled) {
            self.leases[at].is_over = true;
        }
        tally.count(operation, &engine);
        self.hear(operation, &engine, tally);
        self.keep(operation, engine.given, reference.given)?;
        let (engine, reference) = (self.look(Side::Engine).await, self.look(Side::Reference).await);
        if engine != reference {
            return Err(format!("what can be seen afterwards\n{}", differ(&engine, &reference)));
        }
        if let Operation::Confirm { written, .. } = operation
            && before != reference
        {
            tally.add(format!("Confirm {written} with an effect"));
        }
        Ok(())
    }

    /// What receivers learn of it.
    fn hear(&mut self, operation: &Operation, reply: &Reply, tally: &mut Tally) {
        let now_us = self.clock.now_us();
        if let Some(number) = reply.opened {
            self.pushes.opened(operation, number, now_us);
        }
        self.pushes.asked(operation, reply.claimed.as_ref().map(|claimed| &claimed.outcome), now_us);
        for given in &reply.given {
            if self.pushes.ran_out(given, now_us) {
                tally.add("given after its claim ran out".to_owned());
            }
        }
    }

    /// What is done once for both queues. False if the operation means nothing now.
    async fn prepare(&mut self, operation: &Operation) -> bool {
        let now_us = self.clock.now_us();
        if !self.pushes.serves(operation, now_us) {
            return false;
        }
        match operation {
            &Operation::Take { worker, max, classes, suspect, lease_for } => {
                let worker = &mut self.workers[usize::from(worker)];
                worker.call += 1;
                worker.asked_us = now_us;
                let classes = match classes {
                    n if n < CLASSES => [class(n)].into(),
                    _ => (0..CLASSES).map(class).collect(),
                };
                let (id, call) = (worker.id.clone(), worker.call);
                worker.last = Some(TakeRequest { max, classes, worker: id, call, lease_for, suspect });
            }
            // A call is repeated soon, or not at all.
            Operation::TakeAgain { worker } => {
                let worker = &self.workers[usize::from(*worker)];
                let age = Duration::from_micros(now_us - worker.asked_us);
                return worker.last.is_some() && age < Duration::from_secs(3_600);
            }
            Operation::TakeLate { worker } => {
                let worker = &self.workers[usize::from(*worker)];
                let age = Duration::from_micros(now_us - worker.asked_us);
                return worker.given > 1 && age < Duration::from_secs(3_600);
            }
            Operation::Pass { time } => self.pass(*time).await,
            Operation::Die { confirmed } => {
                for side in [Side::Engine, Side::Reference] {
                    let open = self.leases.iter().filter(|pair| *confirmed && !pair.is_over);
                    let leases: Vec<Lease> = open.map(|pair| pair.of(side)).collect();
                    self.queue(side).renew(&leases, LEASE).await.expect("the queue serves");
                }
                for pair in &mut self.leases {
                    pair.is_over = true;
                }
                self.pass(LEASE + Duration::from_secs(1)).await;
            }
            Operation::Jump { time } => self.clock.advance(*time),
            Operation::Damage { lane, kind } => {
                self.engine.damage(*lane, *kind);
                self.is_damaged = true;
                self.is_haunted.set(self.is_haunted.get() || damage::makes_ghosts(*kind));
            }
            Operation::Crash { hard } => {
                self.engine.crash(*hard, &self.reference).await;
                if matches!(self.engine, Engine::Sqlite { .. }) {
                    for worker in &mut self.workers {
                        worker.given = 0;
                    }
                }
            }
            _ => {}
        }
        true
    }

    /// What the operation names by its place. `None` if it names a lease that there isn't.
    async fn named(&self, operation: &Operation) -> Option<Named> {
        let lease = match operation.lease() {
            Some(which) => Some(self.place(which)?),
            None => None,
        };
        let dead = self.reference.dead(&DeadFilter::default(), None, 100).await;
        let letters = dead.expect("the reference never fails").letters.into_iter().map(|letter| letter.id);
        let paused = self.reference.paused().await.expect("the reference never fails");
        let paused = paused.into_iter().map(|paused| paused.scope).collect();
        let is_haunted = operation.takes() && self.ghosts() != Ghosts::default();
        Some(Named { lease, letters: letters.collect(), paused, is_haunted })
    }

    /// The ghosts in the engine. Asking costs more than a step, and ghosts go once and for all, so it is asked only while
    /// some may be there.
    pub(crate) fn ghosts(&self) -> Ghosts {
        if !self.is_haunted.get() {
            return Ghosts::default();
        }
        let ghosts = self.engine.ghosts();
        self.is_haunted.set(ghosts != Ghosts::default());
        ghosts
    }

    /// Lets time pass in which the store serves.
    async fn pass(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let part = left.min(LEASE / 5);
            self.clock.advance(part);
            for queue in [self.engine.queue(), &self.reference] {
                queue.renew(&[], LEASE).await.expect("the queue serves");
            }
            left -= part;
        }
    }

    /// Keeps what a take gave. The tokens of both must be the same and different at the same times.
    fn keep(
        &mut self,
        operation: &Operation,
        engine: Vec<Leased>,
        reference: Vec<Leased>,
    ) -> Result<(), String> {
        let (Operation::Take { worker, .. } | Operation::TakeAgain { worker }) = operation else {
            return Ok(());
        };
        if !engine.is_empty() {
            let worker = &mut self.workers[usize::from(*worker)];
            worker.given = worker.call;
        }
        for (engine, reference) in engine.into_iter().zip(reference) {
            let (new, old) = (engine.lease.token.clone(), reference.lease.token.clone());
            let is_used =
                self.tokens.iter().any(|(of_reference, token)| *token == new && *of_reference != old);
            if is_used || *self.tokens.entry(old).or_insert_with(|| new.clone()) != new {
                return Err(format!(
                    "the token {new} stands for another take too, or should be another take's"
                ));
            }
            self.leases.push(Pair {
                engine: engine.lease,
                reference: reference.lease,
                wakes: engine.send_state.wakes,
                is_recorded: engine.progress.replies.is_some(),
                is_over: false,
            });
        }
        Ok(())
    }

    pub(crate) fn queue(&self, side: Side) -> &dyn Queue {
        match side {
            Side::Engine => self.engine.queue(),
            Side::Reference => &self.reference,
        }
    }

    pub(crate) fn place(&self, which: Which) -> Option<usize> {
        let mut youngest_first = (0..self.leases.len()).rev();
        match which {
            Which::Of(n) => youngest_first.find(|&at| self.leases[at].reference.lane == lane(n)),
            Which::Any(n) => youngest_first.nth(usize::from(n)),
            Which::Open(n) => youngest_first.filter(|&at| !self.leases[at].is_over).nth(usize::from(n)),
        }
    }
}

impl Pair {
    pub(crate) fn of(&self, side: Side) -> Lease {
        match side {
            Side::Engine => self.engine.clone(),
            Side::Reference => self.reference.clone(),
        }
    }
}

/// The first lines that are different.
fn differ(engine: &str, reference: &str) -> String {
    let lines = engine.lines().zip(reference.lines());
    let (engine, reference) = lines.clone().find(|(a, b)| a != b).unwrap_or((engine, reference));
    format!("engine:    {engine}\nreference: {reference}")
}
