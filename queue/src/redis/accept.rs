//! Messages come in, in batches.

use std::sync::Arc;

use bytes::Bytes;

use super::batch::Item;
use super::{Core, RedisQueue, answers, packed};
use crate::clock::micros;
use crate::{Accepted, DEAD_ON_ARRIVAL_MAX, HeldEffect, NewMessage, QueueError, Right};

/// One message of a batch.
#[derive(Debug)]
pub(super) struct Accept {
    message: NewMessage,
    packed: Bytes,
    not_after_us: Option<u64>,
}

impl RedisQueue {
    pub(super) async fn accept_message(&self, message: NewMessage) -> Result<Accepted, QueueError> {
        let not_after_us =
            message.not_after.map(|within| self.core.link.store_now_us().saturating_add(micros(within)));
        self.accepts.call(Accept { packed: packed::pack(&message), message, not_after_us }).await?
    }
}

impl Item for Accept {
    fn size_bytes(&self) -> usize {
        self.packed.len()
    }
}

/// Runs one batch.
pub(super) async fn all(
    core: Arc<Core>,
    items: Vec<Accept>,
) -> Result<Vec<Result<Accepted, QueueError>>, QueueError> {
    let Core { link, keys, scripts, dedup_window_ms, .. } = &*core;
    let mut call = scripts.accept.key(keys.base());
    call.key(keys.wake()).key(keys.open()).key(keys.dead()).key(keys.arrived()).key(keys.hold());
    call.arg(link.test_now()).arg(dedup_window_ms).arg(DEAD_ON_ARRIVAL_MAX);
    for Accept { message, packed, not_after_us } in &items {
        let lane = &message.lane;
        call.key(keys.seen(&message.id)).key(keys.lane(lane)).key(keys.older(lane)).key(keys.run(lane));
        call.key(keys.held(lane)).key(keys.ready(&message.class)).key(keys.letter(&message.id));
        call.arg(message.id.as_str()).arg(lane.as_str()).arg(message.class.as_str());
        call.arg(not_after_us.map(|us| us.to_string()).unwrap_or_default());
        call.arg(match message.held {
            HeldEffect::Leave => String::new(),
            HeldEffect::Wake(right) => {
                let Right { sends, until_s } = right.fitted();
                format!("wake {sends} {until_s}")
            }
            HeldEffect::Bury => "bury".to_owned(),
        });
        call.arg(if message.late { "1" } else { "" });
        call.arg(message.dead_reason.as_deref().unwrap_or_default()).arg(packed.as_ref());
    }
    let (now_us, outcomes) = answers::accepted(link.run(&call).await?, &core.place)?;
    link.learn_time(now_us);
    Ok(outcomes)
}
