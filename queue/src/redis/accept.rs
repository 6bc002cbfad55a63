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
    /// How it comes, as the script reads it.
    fn how(&self) -> String {
        let NewMessage { held, late, dead_reason, .. } = &self.message;
        let kind = match (late, held, dead_reason) {
            (true, ..) => 'l',
            (_, HeldEffect::Bury, _) | (.., Some(_)) => 'o',
            _ => 'p',
        };
        let mut how = String::with_capacity(64);
        how.push(kind);
        push_number(&mut how, self.not_after_us);
        match held {
            HeldEffect::Leave => how.push_str("   "),
            HeldEffect::Wake(right) => {
                let Right { sends, until_s } = right.fitted();
                how.push_str(" wake");
                push_number(&mut how, Some(sends.into()));
                push_number(&mut how, Some(until_s));
            }
            HeldEffect::Bury => how.push_str(" bury  "),
        }
        how.push(' ');
        how.push_str(dead_reason.as_deref().unwrap_or_default());
        how
    }
}

/// Adds a space and the number. Each push needs some, and `format!` would take a twentieth of the receiver's time.
fn push_number(to: &mut String, number: Option<u64>) {
    to.push(' ');
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
    for item in &items {
        call.arg(item.message.lane.as_str()).arg(item.how()).arg(item.packed.as_ref());
    }
    let (now_us, outcomes) = answers::accepted(link.run(&call).await?, &core.place)?;
    link.learn_time(now_us);
    Ok(outcomes)
}
