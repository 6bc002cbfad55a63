//! What the scripts answer, read into the queue's types.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use redis::{FromRedisValue, Value};

use super::packed::unpack;
use crate::{
    Accepted, Buried, ClaimOutcome, Claimed, Class, Closed, Counts, Damaged, DeadCursor, DeadLetter,
    DeadPage, Lane, LaneSnapshot, LaneState, Lease, Leased, MessageId, Paused, Progress, QueueError, Right,
    Scope, SendState, Taken, Token,
};

/// The store's time, and what became of each message.
pub(super) fn accepted(
    answer: Value,
    place: &str,
) -> Result<(u64, Vec<Result<Accepted, QueueError>>), QueueError> {
    let mut values = ReplyReader::of(answer)?;
    let now_us = values.number()?;
    let mut outcomes = Vec::new();
    while let Some(value) = values.next() {
        outcomes.push(match value {
            Value::Int(1) => Ok(Accepted::New),
            Value::Int(2) => Ok(Accepted::Duplicate),
            Value::Int(3) => Ok(Accepted::Expired),
            Value::Int(4) => Ok(Accepted::Counted),
            problem => Err(QueueError::Damaged { place: place.to_owned(), problem: text_of(problem)? }),
        });
    }
    Ok((now_us, outcomes))
}

/// What a take gave. `None`: call it again with the names of the classes.
pub(super) fn taken(answer: Value) -> Result<Option<Taken>, QueueError> {
    if answer == Value::Int(0) {
        return Ok(None);
    }
    let mut values = ReplyReader::of(answer)?;
    let _now_us = values.number()?;
    let due = values.text()?;
    let token = Token::from_stored(values.text()?);
    let mut dead = ReplyReader::of(values.next().ok_or_else(unexpected)?)?;
    let mut buried = Vec::new();
    while let Some(id) = dead.next() {
        let (id, class) = (MessageId::from_stored(text_of(id)?), Class::from_stored(dead.text()?));
        buried.push(Buried { id, class, reason: dead.text()? });
    }
    let mut alarms = ReplyReader::of(values.next().ok_or_else(unexpected)?)?;
    let mut damaged = Vec::new();
    while let Some(alarm) = alarms.next() {
        let alarm = text_of(alarm)?;
        let (name, problem) = alarm.split_once('\0').unwrap_or((&alarm, ""));
        damaged.push(Damaged { name: name.to_owned(), problem: problem.to_owned() });
    }
    let cut_short = !values.text()?.is_empty();
    let mut messages = Vec::new();
    while let Some(item) = values.next() {
        match leased(ReplyReader::of(item)?, &token) {
            Ok(Some(message)) => messages.push(message),
            // It stays where it is: a worker of the version that wrote it takes it. The lane isn't logged, since it names a
            // user.
            Ok(None) => tracing::error!(
                "a stored message has a newer format than this version knows: it is put off for a minute"
            ),
            // Whatever the script can read can be read here. If not, only this lease is left to run out.
            Err(_) => tracing::error!("a stored message is damaged: it waits until its lease runs out"),
        }
    }
    let next_due = due.parse().ok().map(Duration::from_micros);
    Ok(Some(Taken { messages, buried, next_due, damaged, cut_short }))
}

fn leased(mut item: ReplyReader, token: &Token) -> Result<Option<Leased>, QueueError> {
    let lane = Lane::from_stored(item.text()?);
    let packed = item.bytes()?;
    if packed.is_empty() {
        return Ok(None);
    }
    let packed = unpack(&packed)?;
    Ok(Some(Leased {
        lease: Lease { lane, id: packed.id, token: token.clone(), note: Bytes::new() },
        class: packed.class,
        payload: packed.payload,
        arrived_us: packed.arrived_us,
        memory: item.optional_bytes()?,
        failures: item.count()?,
        losses: item.count()?,
        snoozes: item.count()?,
        last_error: item.optional_text()?.filter(|error| !error.is_empty()),
        progress: Progress {
            replies: item.optional_bytes()?,
            sent: item.count()?,
            sending: item.optional_text()?.and_then(|part| part.parse().ok()),
        },
        send_state: item.send_state()?,
        answer: item.optional_bytes()?,
        timed_out: item.count()? > 0,
        failing_for: item.optional_text()?.and_then(|us| us.parse().ok()).map(Duration::from_micros),
    }))
}

/// Names and bytes, one after the other.
pub(super) fn values(answer: Value) -> Result<Vec<(String, Bytes)>, QueueError> {
    let mut values = ReplyReader::of(answer)?;
    let mut named = Vec::new();
    while let Some(name) = values.next() {
        named.push((text_of(name)?, values.bytes()?));
    }
    Ok(named)
}

/// Where each message of a batch of records stands.
pub(super) fn recorded(answer: Value) -> Result<Vec<Result<SendState, QueueError>>, QueueError> {
    let mut values = ReplyReader::of(answer)?;
    let mut standings = Vec::new();
    while let Some(value) = values.next() {
        standings.push(match value {
            Value::Int(0) => Err(QueueError::LeaseLost),
            Value::Int(3) => Err(QueueError::CallBackPending),
            value => Ok(ReplyReader::of(value)?.send_state()?),
        });
    }
    Ok(standings)
}

/// What a claim gave.
pub(super) fn claimed(answer: Value) -> Result<Claimed, QueueError> {
    let mut values = ReplyReader::of(answer)?;
    let (what, unsure) = (values.number()?, values.count()?);
    let outcome = match what {
        1 => ClaimOutcome::Part { bytes: values.bytes()?, more: values.text()? == "1" },
        2 => ClaimOutcome::NotYet,
        3 => ClaimOutcome::Idle,
        4 => ClaimOutcome::Superseded,
        _ => return Err(unexpected()),
    };
    Ok(Claimed { outcome, unsure })
}

pub(super) fn counts(answer: Value) -> Result<Counts, QueueError> {
    let mut values = ReplyReader::of(answer)?;
    let now_us = values.number()?;
    let mut counts = Counts {
        running: values.number()?,
        delayed: values.number()?,
        parked: values.number()?,
        held: values.number()?,
        dead: values.number()?,
        ..Counts::default()
    };
    let mut classes = ReplyReader::of(values.next().ok_or_else(unexpected)?)?;
    while let Some(class) = classes.next() {
        let class = Class::from_stored(text_of(class)?);
        // A count that is damaged or negative counts as none: the audit reports it.
        let open = classes.text()?.parse().unwrap_or(0);
        let (ready, head) = (classes.number()?, classes.bytes()?);
        // A class whose messages have all ended leaves a 0 behind. It is left out, as if it had never been there.
        if open > 0 {
            counts.open.insert(class.clone(), open);
        }
        // The age of a head that a newer version wrote isn't known here.
        if let Ok(head) = unpack(&head) {
            counts.next_ages_us.insert(class.clone(), now_us.saturating_sub(head.arrived_us));
        }
        if ready > 0 {
            counts.ready_lanes.insert(class, ready);
        }
    }
    let mut arrived = ReplyReader::of(values.next().ok_or_else(unexpected)?)?;
    while let Some(class) = arrived.next() {
        let number: u64 = arrived.text()?.parse().unwrap_or(0);
        if text_of(class)?.ends_with('\0') {
            counts.dead_uncounted += number;
        }
    }
    Ok(counts)
}

pub(super) fn lane_view(answer: Value) -> Result<Option<LaneSnapshot>, QueueError> {
    let mut values = ReplyReader::of(answer)?;
    let (state, due, error) = (values.text()?, values.text()?, values.text()?);
    let paused = values.number()? == 1;
    let waiting = values.ids()?;
    let held = values.ids()?;
    let due_us = due.parse().unwrap_or(0);
    let state = match state.as_str() {
        "leased" => LaneState::Leased,
        "delayed" => LaneState::Delayed { due_us },
        "awaiting" => LaneState::Awaiting { until_us: due_us },
        "parked" => LaneState::Parked,
        "ready" => LaneState::Ready,
        "idle" => LaneState::Idle,
        _ => return Err(unexpected()),
    };
    if waiting.is_empty() && held.is_empty() && !paused {
        return Ok(None);
    }
    let last_error = Some(error).filter(|error| !error.is_empty());
    Ok(Some(LaneSnapshot { state, waiting, held, paused, last_error }))
}

pub(super) fn dead_page(answer: Value) -> Result<DeadPage, QueueError> {
    let mut values = ReplyReader::of(answer)?;
    let total = values.number()?;
    let (more, died_us, id) = (values.text()?, values.text()?, values.text()?);
    let next = (more == "1")
        .then(|| DeadCursor { died_us: died_us.parse().unwrap_or(0), id: MessageId::from_stored(id) });
    let mut letters = Vec::new();
    while let Some(letter) = values.next() {
        // A letter that can't be read hides no other one, and the audit names it.
        letters.extend(letter_of(ReplyReader::of(letter)?));
    }
    Ok(DeadPage { letters, total, next })
}

/// A field and a value of what is paused.
pub(super) fn paused(field: &str, value: &str) -> Result<Paused, QueueError> {
    let (since, reason) = value.split_once(':').ok_or_else(unexpected)?;
    let scope = match field.split_at_checked(1) {
        Some(("*", "")) => Scope::All,
        Some(("c", class)) => Scope::Class(Class::from_stored(class.to_owned())),
        Some(("l", lane)) => Scope::Lane(Lane::from_stored(lane.to_owned())),
        _ => return Err(unexpected()),
    };
    let since_us = since.parse().map_err(|_| unexpected())?;
    Ok(Paused { scope, since_us, reason: reason.to_owned() })
}

/// The fields of one letter; all are nil if there is none.
pub(super) fn dead_letter(answer: Value) -> Result<Option<DeadLetter>, QueueError> {
    match &answer {
        Value::Nil => Ok(None),
        Value::Array(fields) if fields.first() == Some(&Value::Nil) => Ok(None),
        _ => letter_of(ReplyReader::of(answer)?).map(Some),
    }
}

fn letter_of(mut letter: ReplyReader) -> Result<DeadLetter, QueueError> {
    let packed = unpack(&letter.bytes()?)?;
    Ok(DeadLetter {
        id: packed.id,
        class: packed.class,
        payload: packed.payload,
        arrived_us: packed.arrived_us,
        lane: Lane::from_stored(letter.text()?),
        reason: letter.text()?,
        died_us: letter.number()?,
        failures: letter.count()?,
        losses: letter.count()?,
    })
}

/// What was seen of some lanes.
#[derive(Debug, Default)]
pub(super) struct Audited {
    /// Their messages, held ones too.
    pub(super) messages: u64,
    pub(super) held: u64,
    /// Lanes with something unreadable: they may have more messages than were counted.
    pub(super) unreadable: u64,
    /// What seems wrong, by lane and mark. Both are bytes, since they may be damaged themselves.
    pub(super) doubts: BTreeMap<(Vec<u8>, Vec<u8>), String>,
}

/// Adds what was seen of some more lanes.
pub(super) fn audited(answer: Value, seen: &mut Audited) -> Result<(), QueueError> {
    let mut values = ReplyReader::of(answer)?;
    seen.messages += values.number()?;
    seen.held += values.number()?;
    seen.unreadable += values.number()?;
    while let Some(lane) = values.next() {
        let (lane, mark) = (bytes_of(lane)?.to_vec(), values.bytes()?.to_vec());
        seen.doubts.insert((lane, mark), String::from_utf8_lossy(&values.bytes()?).into_owned());
    }
    Ok(())
}

/// The elements of an array answer, read one after the other.
struct ReplyReader(std::vec::IntoIter<Value>);

impl ReplyReader {
    fn of(answer: Value) -> Result<Self, QueueError> {
        match answer {
            Value::Array(values) => Ok(Self(values.into_iter())),
            _ => Err(unexpected()),
        }
    }

    fn next(&mut self) -> Option<Value> {
        self.0.next()
    }

    fn bytes(&mut self) -> Result<Bytes, QueueError> {
        bytes_of(self.next().ok_or_else(unexpected)?)
    }

    /// Bytes that may be nil, or left out at the end.
    fn optional_bytes(&mut self) -> Result<Option<Bytes>, QueueError> {
        match self.next() {
            None | Some(Value::Nil) => Ok(None),
            Some(value) => bytes_of(value).map(Some),
        }
    }

    /// Text that may be nil, or left out at the end.
    fn optional_text(&mut self) -> Result<Option<String>, QueueError> {
        match self.next() {
            None | Some(Value::Nil) => Ok(None),
            Some(value) => text_of(value).map(Some),
        }
    }

    /// Trigger, what the lane may send, and whether others waited behind it. Each may be absent, as in [`Self::count`].
    fn send_state(&mut self) -> Result<SendState, QueueError> {
        let wakes = self.count()?;
        let text = self.optional_text()?.unwrap_or_default();
        let mut parts = text.split_ascii_whitespace();
        let mut number = || parts.next().map(str::parse::<u64>).transpose().map_err(|_| unexpected());
        let (sends, allowed, until_s) = (number()?, number()?, number()?);
        let count = |n: u64| u32::try_from(n).map_err(|_| unexpected());
        let right = match (allowed, until_s) {
            (Some(allowed), Some(until_s)) => Some(Right { sends: count(allowed)?, until_s }),
            _ => None,
        };
        Ok(SendState {
            wakes,
            right,
            closed: parts.next().map(|name| Closed::of(name).ok_or_else(unexpected)).transpose()?,
            sends: count(sends.unwrap_or(0))?,
            has_followers: self.count()? > 0 || wakes > 0,
        })
    }

    /// A list of ids.
    fn ids(&mut self) -> Result<Vec<MessageId>, QueueError> {
        let mut list = ReplyReader::of(self.next().ok_or_else(unexpected)?)?;
        let mut ids = Vec::new();
        while let Some(id) = list.next() {
            ids.push(MessageId::from_stored(text_of(id)?));
        }
        Ok(ids)
    }

    fn text(&mut self) -> Result<String, QueueError> {
        text_of(self.next().ok_or_else(unexpected)?)
    }

    /// A number that may come as text.
    fn number(&mut self) -> Result<u64, QueueError> {
        let value = self.next().ok_or_else(unexpected)?;
        u64::from_redis_value(value).map_err(|_| unexpected())
    }

    /// A number. While it is 0 it is absent: empty text, or left out at the end.
    fn count(&mut self) -> Result<u32, QueueError> {
        match self.optional_text()? {
            Some(text) if !text.is_empty() => Ok(text.parse().unwrap_or(u32::MAX)),
            _ => Ok(0),
        }
    }
}

fn bytes_of(value: Value) -> Result<Bytes, QueueError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes.into()),
        _ => Err(unexpected()),
    }
}

fn text_of(value: Value) -> Result<String, QueueError> {
    match value {
        // Bytes that aren't UTF-8 are damaged. They are shown as well as possible, and hide nothing else.
        Value::BulkString(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Int(number) => Ok(number.to_string()),
        Value::SimpleString(text) => Ok(text),
        _ => Err(unexpected()),
    }
}

fn unexpected() -> QueueError {
    QueueError::UnknownFormat { what: "the answer of a script".to_owned() }
}
