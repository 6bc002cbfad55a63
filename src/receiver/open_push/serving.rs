//! One try of a push, from its room to its response.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use huixin_queue::{Lane, MessageId, OpenPush, PushTry};
use huixin_wechat::passive::Form;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::claim::{Claimant, Look, Part};
use super::decide::{Moments, Over, PushEnd, end, is_last_try};
use super::response::{PartBody, ResponseEnvelope, said};
use super::waits::WaitingPush;
use super::{OpenPushes, OpenablePush};
use crate::one_line::one_line;
use crate::receiver::ReceiverState;
use crate::receiver::answers::{Fetch, PushAnswers, PushWay};
use crate::receiver::intake::Arriving;
use crate::receiver::metrics::{How, Tally};
use crate::receiver::outcome::PushOutcome;
use crate::serve::unanswered;

/// A try of a push.
pub(super) struct Serving<'a> {
    state: &'a ReceiverState,
    open_pushes: &'a OpenPushes,
    push: OpenablePush<'a>,
    moments: Moments,
    id: MessageId,
    lane: Lane,
    tally: Tally,
}

impl<'a> Serving<'a> {
    pub(super) fn new(state: &'a ReceiverState, push: OpenablePush<'a>, arriving: &Arriving) -> Self {
        let open_pushes = &state.open_pushes;
        Self {
            moments: Moments::of(push.began, push.way, &open_pushes.limits),
            id: arriving.id.clone(),
            lane: arriving.lane.clone(),
            tally: Tally::of(push.name),
            state,
            open_pushes,
            push,
        }
    }

    /// As many pushes are open as may be: this one is stored and ends.
    pub(super) async fn without_room(self, fetch: Option<Fetch>, arriving: Arriving) -> Response {
        let stored = match fetch {
            Some(fetch) if fetch.is_tap => {
                self.fetches();
                Ok(())
            }
            _ => self.store(arriving).await,
        };
        self.end(stored.err().unwrap_or(Over::NotOpened)).await
    }

    /// Stores it and waits for its answer.
    pub(super) async fn keep_open(mut self, fetch: Option<Fetch>, arriving: Arriving) -> Response {
        match self.part(fetch, arriving).await {
            Ok(part) => self.respond(part).await,
            Err(over) => self.end(over).await,
        }
    }

    async fn part(&mut self, fetch: Option<Fetch>, arriving: Arriving) -> Result<Part, Over> {
        // From before it is stored, so that no news is missed.
        let waiting = self.open_pushes.waits.wait(self.lane.clone());
        let Some(fetch) = fetch else {
            let (stored, opened) = tokio::join!(self.store(arriving), self.open());
            self.tally.number = opened.unwrap_or_default();
            if stored == Err(Over::NotOpened) && opened.is_ok() {
                // In the spool no worker finds it, but an earlier try may have got its part, or an older answer may wait.
                return self.look().await.ok().flatten().ok_or(Over::NotOpened);
            }
            stored.and(opened)?;
            return self.wait(&waiting).await;
        };
        // Behind what it asks for in its lane it would wait for it, so it isn't stored, unless there is nothing to fetch.
        let opened = self.open().await;
        self.tally.number = opened.unwrap_or_default();
        let fetched = match opened {
            Ok(_) => self.wait(&waiting).await,
            Err(over) => Err(over),
        };
        if !matches!(fetched, Err(Over::Idle | Over::NotOpened)) || fetch.is_tap {
            self.fetches();
            return fetched;
        }
        // It may be a message like any other. WeChat tries again what there is no time to store.
        if Instant::now() >= self.moments.claim_until {
            return Err(Over::NotStored);
        }
        self.store(arriving).await.and(opened)?;
        self.wait(&waiting).await
    }

    fn fetches(&self) {
        self.push.account.counts.count(self.push.name, PushOutcome::Fetch);
    }

    async fn store(&self, arriving: Arriving) -> Result<(), Over> {
        let (outcome, is_in_queue) = self.state.store(self.push.name, arriving, PushOutcome::Accepted).await;
        self.push.account.counts.count(self.push.name, outcome);
        match (outcome.is_acked(), is_in_queue) {
            (false, _) => Err(Over::NotStored),
            (true, false) => Err(Over::NotOpened),
            (true, true) => Ok(()),
        }
    }

    /// Tells the queue that it is open. Gives the number of the try.
    async fn open(&self) -> Result<u32, Over> {
        // Also while the breaker is open: an earlier try may have had a part, which only the queue knows.
        let intake = &self.state.intake;
        let push = OpenPush {
            id: self.id.clone(),
            receiver: self.open_pushes.receiver.clone(),
            open_for: self.moments.claim_until.saturating_duration_since(Instant::now()),
        };
        let by = self.moments.respond_by.min(Instant::now() + intake.budget());
        let opening = timeout_at(by, self.open_pushes.responder.open(&self.lane, &push));
        let problem = match opening.await {
            Ok(Ok(number)) => return Ok(number),
            Ok(Err(error)) => one_line(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::debug!(account = self.push.name, problem, "a push can't be kept open");
        Err(Over::NotOpened)
    }

    async fn wait(&self, waiting: &WaitingPush) -> Result<Part, Over> {
        // Where the API goes on, a new message has no answer yet.
        let mut looks = matches!(self.push.way, PushWay::Push(_)) || self.tally.number > 1;
        loop {
            if looks && let Some(part) = self.look().await? {
                return Ok(part);
            }
            looks = true;
            let now = Instant::now();
            tokio::select! {
                () = waiting.news() => {}
                () = sleep_until(self.moments.next_look(now, self.open_pushes.limits.look_every)) => {}
                () = self.open_pushes.stop.cancelled() => return Err(Over::Stopping),
            }
            if Instant::now() >= self.moments.claim_until {
                return Err(Over::TimeUp);
            }
        }
    }

    async fn look(&self) -> Result<Option<Part>, Over> {
        let claimant = Claimant {
            account: self.push.name.to_owned(),
            lane: self.lane.clone(),
            class: self.push.account.class.clone(),
            push: PushTry { id: self.id.clone(), number: self.tally.number },
        };
        let within = self.moments.claim_until.saturating_duration_since(Instant::now());
        let looking = self.open_pushes.claims.look(claimant, within);
        // A stop waits for it too: what an earlier try got may be known to nobody else.
        match timeout_at(self.moments.respond_by, looking).await.map_err(|_| Over::QueueSlow)? {
            Look::Part(part) => Ok(Some(part)),
            Look::NotYet => Ok(None),
            // What is in the spool still brings something.
            Look::Idle if self.state.intake.has_spooled(&self.lane) => Err(Over::NotOpened),
            Look::Idle => Err(Over::Idle),
            Look::Superseded => Err(Over::Superseded),
        }
    }

    async fn respond(self, part: Part) -> Response {
        let form = serde_json::from_slice(&part.bytes).map_err(|error| error.to_string());
        let body = form.and_then(|form| {
            let form = self.push.way.form(form, part.more);
            self.envelope().body(form).map_err(|error| error.to_string())
        });
        match body {
            Ok(body) => said(Body::new(PartBody::new(body, part.written, self.tally))),
            Err(problem) => {
                let (account, id) = (self.push.name, &self.id);
                tracing::error!(account, %id, problem, "a part of an answer can't go out in a response: it stays where it is");
                drop(part);
                self.end(Over::Unusable).await
            }
        }
    }

    /// Responds without a part.
    async fn end(self, over: Over) -> Response {
        let is_last_try =
            is_last_try(self.tally.number, &self.push.query.timestamp, self.push.message.created_at);
        match end(self.push.way, over, is_last_try) {
            PushEnd::Unavailable => {
                self.tally.end(How::Unavailable);
                PushOutcome::Unavailable.into_response()
            }
            PushEnd::UnansweredOrNotice if self.is_granted().await => self.leave_unanswered().await,
            PushEnd::UnansweredOrNotice | PushEnd::Notice => self.notice(),
            PushEnd::Empty => self.empty(),
        }
    }

    async fn is_granted(&self) -> bool {
        let PushWay::Push(PushAnswers { unanswered: Some(budget), .. }) = self.push.way else { return false };
        self.open_pushes.grants_unanswered(self.push.name, *budget, self.moments.respond_by).await
    }

    /// Waits until WeChat hangs up, which drops this, or until it certainly has.
    async fn leave_unanswered(self) -> Response {
        self.tally.end(How::Unanswered);
        tokio::select! {
            () = sleep_until(self.moments.cut_at) => {}
            () = self.open_pushes.stop.cancelled() => {}
        }
        unanswered()
    }

    fn notice(self) -> Response {
        let PushWay::Push(answers) = self.push.way else { return self.empty() };
        match self.envelope().body(Form::Text { content: answers.notice.clone() }) {
            Ok(body) => {
                self.tally.end(How::Notice);
                said(body)
            }
            Err(problem) => {
                tracing::error!(account = self.push.name, %problem, "the notice can't go out in a response");
                self.empty()
            }
        }
    }

    fn empty(self) -> Response {
        self.tally.end(How::Empty);
        PushOutcome::Accepted.into_response()
    }

    fn envelope(&self) -> ResponseEnvelope<'a> {
        ResponseEnvelope {
            keys: &self.push.account.keys,
            query: self.push.query,
            opened_with: self.push.opened_with,
            message: self.push.message,
        }
    }
}
