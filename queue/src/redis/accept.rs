//! Messages come in, in batches.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::batch::Item;
use super::scripts::SCRIPTS;
use super::{Core, RedisQueue, answers, packed};
use crate::clock::micros;
use crate::message::check_bytes;
use crate::{
    Accepted, CallBackResult, DEAD_ON_ARRIVAL_MAX, HeldEffect, Lane, MessageId, NewMessage, Producer,
    QueueError, Right,
};

/// Behind what the script reads of an item.
const ITEM_END: char = '\0';

/// One message of a batch.
#[derive(Debug)]
pub(super) struct Accept {
    message: NewMessage,
    packed: Bytes,
    not_after_us: Option<u64>,
}

#[async_trait]
impl Producer for RedisQueue {
    async fn accept(&self, message: NewMessage) -> Result<Accepted, QueueError> {
        message.check()?;
        let not_after_us =
            message.not_after.map(|within| self.core.link.store_now_us().saturating_add(micros(within)));
        self.accepts.call(Accept { packed: packed::pack(&message), message, not_after_us }).await?
    }

    async fn answer(&self, lane: &Lane, id: &MessageId, answer: Bytes) -> Result<CallBackResult, QueueError> {
        check_bytes("answer", &answer)?;
        let Core { link, keys, dedup_window_ms, .. } = &*self.core;
        let mut call = self.core.call(&SCRIPTS.answer);
        call.key(keys.wake()).key(keys.delay()).key(keys.lane(lane)).key(keys.run(lane));
        call.key(keys.answered(id));
        call.arg(lane.as_str()).arg(id.as_str()).arg(answer.as_ref()).arg(dedup_window_ms);
        Ok(match link.run::<u8>(&call).await? {
            1 => CallBackResult::First,
            2 => CallBackResult::Already,
            _ => CallBackResult::Gone,
        })
    }

    async fn beat(&self) -> Result<(), QueueError> {
        let mut call = self.core.call(&SCRIPTS.beat);
        call.key(self.core.keys.pulse());
        self.core.link.run(&call).await
    }
}

impl Item for Accept {
    fn size_bytes(&self) -> usize {
        self.packed.len()
    }
}

impl Accept {
    /// The letter that says how the script may store it.
    fn kind(&self) -> char {
        match (self.message.late, self.message.held, &self.message.dead_reason) {
            (true, ..) => 'l',
            (_, HeldEffect::Bury, _) | (.., Some(_)) => 'o',
            _ => 'p',
        }
    }

    /// Adds how it comes, as the script reads it.
    fn write_how(&self, to: &mut String) {
        push_number(to, self.not_after_us);
        match self.message.held {
            HeldEffect::Leave => to.push_str("    "),
            HeldEffect::Wake(right) => {
                let Right { sends, until_s } = right.fitted();
                to.push_str(" wake ");
                push_number(to, Some(sends.into()));
                to.push(' ');
                push_number(to, Some(until_s));
                to.push(' ');
            }
            HeldEffect::Bury => to.push_str(" bury   "),
        }
        let reason = self.message.dead_reason.as_deref().unwrap_or_default();
        to.extend(reason.chars().map(|c| if c == ITEM_END { ' ' } else { c }));
        to.push(ITEM_END);
    }
}

/// Adds the number. Each push needs some, and `format!` took 3 % of the receiver's own instructions.
fn push_number(to: &mut String, number: Option<u64>) {
    if let Some(number) = number {
        to.push_str(itoa::Buffer::new().format(number));
    }
}

/// Runs one batch.
pub(super) async fn all(
    core: Arc<Core>,
    items: Vec<Accept>,
) -> Result<Vec<Result<Accepted, QueueError>>, QueueError> {
    let Core { link, keys, dedup_window_ms, .. } = &*core;
    let mut call = core.call(&SCRIPTS.accept);
    let earliest = items.iter().filter_map(|item| item.not_after_us).min();
    call.key(keys.open());
    call.arg(dedup_window_ms)
        .arg(DEAD_ON_ARRIVAL_MAX)
        .arg(earliest.map(|us| us.to_string()).unwrap_or_default());
    let mut how = String::with_capacity(64 * items.len());
    items.iter().for_each(|item| item.write_how(&mut how));
    call.arg(items.iter().map(Accept::kind).collect::<String>()).arg(how);
    for item in &items {
        call.arg(item.message.lane.as_str()).arg(item.packed.as_ref());
    }
    let (now_us, outcomes) = answers::accepted(link.run(&call).await?, &core.place)?;
    link.learn_time(now_us);
    Ok(outcomes)
}
