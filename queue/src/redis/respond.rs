//! Answers that go out in the response of a push.

use std::time::Duration;

use async_trait::async_trait;

use super::blocking::{BlockingConnection, timeout_s};
use super::script_call::ScriptCall;
use super::scripts::SCRIPTS;
use super::{Core, RedisQueue, answers};
use crate::clock::micros;
use crate::{
    CLAIM_FOR, Claimed, Class, Lane, OpenPush, PUSH_KEPT_FOR, PushAnswer, PushTry, QueueError, Responder,
};

/// Lanes that one call for news gives.
const NEWS_TOGETHER: usize = 256;

/// What is popped of a list: its key and elements.
type News = Option<(Vec<u8>, Vec<Vec<u8>>)>;

#[async_trait]
impl Responder for RedisQueue {
    async fn open(&self, lane: &Lane, push: &OpenPush) -> Result<u32, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut call = self.core.call(&SCRIPTS.open);
        call.key(keys.newest(lane)).key(keys.push(&push.id));
        let until_us = link.store_now_us().saturating_add(micros(push.open_for));
        call.arg(push.id.as_str()).arg(&push.receiver).arg(until_us).arg(micros(PUSH_KEPT_FOR));
        link.run(&call).await
    }

    async fn claim(
        &self,
        lane: &Lane,
        class: &Class,
        push: &PushTry,
        within: Duration,
    ) -> Result<Claimed, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let not_after_us = link.store_now_us().saturating_add(micros(within));
        let mut call = self.core.call(&SCRIPTS.claim);
        call.key(keys.newest(lane)).key(keys.push(&push.id)).key(keys.paused()).key(keys.held(lane));
        call.key(keys.run(lane)).key(keys.lane(lane)).key(keys.older(lane));
        call.key(keys.delay()).key(keys.hold()).key(keys.open());
        call.arg(lane.as_str()).arg(class.as_str()).arg(push.id.as_str()).arg(push.number);
        call.arg(not_after_us).arg(micros(CLAIM_FOR)).arg(micros(PUSH_KEPT_FOR));
        answers::claimed(link.run(&call).await?)
    }

    async fn confirm(&self, lane: &Lane, push: &PushTry, written: bool) -> Result<(), QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut call = self.core.call(&SCRIPTS.confirm);
        call.key(keys.wake()).key(keys.push(&push.id));
        call.key(keys.lane(lane)).key(keys.older(lane)).key(keys.run(lane)).key(keys.held(lane));
        call.key(keys.lease()).key(keys.delay()).key(keys.hold()).key(keys.open());
        call.arg(lane.as_str()).arg(push.id.as_str()).arg(push.number);
        call.arg(if written { "1" } else { "" });
        link.run(&call).await
    }

    async fn announce(&self, lane: &Lane) -> Result<(), QueueError> {
        let mut call = self.core.call(&SCRIPTS.announce);
        call.key(self.core.keys.newest(lane)).arg(lane.as_str());
        self.core.link.run(&call).await
    }

    async fn news(&self, receiver: &str, at_most: Duration) -> Result<Vec<Lane>, QueueError> {
        let Core { link, keys, .. } = &*self.core;
        let mut command = redis::cmd("BLMPOP");
        command.arg(timeout_s(at_most)).arg(1).arg(keys.news(receiver));
        command.arg("LEFT").arg("COUNT").arg(NEWS_TOGETHER);
        let mut news = self.listening.run::<News>(link, &command, at_most).await;
        if news.is_none() {
            // Another receiver of this process listens: there is one in most.
            news = BlockingConnection::default().run(link, &command, at_most).await;
        }
        match news {
            Some(Ok(news)) => {
                let lanes = news.map(|(_, lanes)| lanes).unwrap_or_default().into_iter();
                // Bytes that are no text are damaged, and name no lane that anybody has.
                let lanes = lanes.filter_map(|lane| String::from_utf8(lane).ok());
                Ok(lanes.map(Lane::from_stored).collect())
            }
            // The next word for this receiver sets aside what lies there.
            None | Some(Err(QueueError::Damaged { .. })) => {
                tokio::time::sleep(at_most).await;
                Ok(Vec::new())
            }
            Some(Err(error)) => Err(error),
        }
    }
}

/// Adds an answer to the arguments, as `keep_answer` in `lua/lib/respond.lua` reads them.
pub(super) fn add_answer(call: &mut ScriptCall<'_>, answer: &PushAnswer) {
    let PushAnswer { replies, memory, sent, parts, total, dies_of, resend } = answer;
    call.arg(i32::from(replies.is_some())).arg(replies.as_deref().unwrap_or_default());
    call.arg(sent).arg(total);
    // Behind a 1, since a reason may be empty.
    call.arg(dies_of.as_ref().map(|reason| format!("1{reason}")).unwrap_or_default());
    call.arg(if *resend { "1" } else { "" });
    // An expiry of 0 is refused by Redis.
    let keep_ms = memory.as_ref().map(|memory| (micros(memory.keep_for) / 1000).max(1).to_string());
    call.arg(keep_ms.unwrap_or_default()).arg(memory.as_ref().map_or(&[][..], |memory| &memory.bytes));
    parts.iter().for_each(|part| _ = call.arg(part.as_ref()));
}
