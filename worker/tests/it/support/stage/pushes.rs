//! What its users do.

use std::time::{SystemTime, UNIX_EPOCH};

use huixin_queue::{Accepted, Class, HeldEffect, MessageId, NewMessage};
use huixin_sandbox::Push;
use huixin_wechat::{Message, Trigger};
use huixin_worker::Payload;

use super::Stage;

impl Stage {
    /// A user with an OpenID of this test's own.
    pub(crate) fn user(&mut self, name: &str) -> String {
        let user = format!("oUser_{:016x}_{name}", rand::random::<u64>());
        self.users.push(user.clone());
        user
    }

    /// The user writes a text: WeChat opens the window, and the receiver has accepted the push. Gives the message's id.
    pub(crate) async fn say(&self, user: &str, text: &str) -> String {
        self.push(Push::text(self.account(), user, text)).await
    }

    pub(crate) async fn push(&self, push: Push) -> String {
        self.sandbox.push_once(&push).await;
        self.accept(&push).await
    }

    /// Only the receiver's part of a push: WeChat knows nothing of it.
    pub(crate) async fn accept(&self, push: &Push) -> String {
        let body = push.body(&self.account.original_id);
        let message = Message::parse(body.as_bytes()).unwrap();
        let id = message.dedup_key(self.account(), body.as_bytes()).opaque_id();
        let trigger = message.trigger();
        let payload = Payload { account: self.account().to_owned(), trigger, body: body.into() };
        let held = self.rights.effect(trigger, message.created_at, SystemTime::now());
        self.accept_so(push.user.as_str(), &id, &payload.encode(), held).await;
        id
    }

    /// A message of the user, whatever its payload.
    pub(crate) async fn accept_bytes(&self, user: &str, id: &str, payload: &[u8]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let held = self.rights.effect(Trigger::Message, now.as_secs().try_into().unwrap(), SystemTime::now());
        self.accept_so(user, id, payload, held).await;
    }

    async fn accept_so(&self, user: &str, id: &str, payload: &[u8], held: HeldEffect) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let new = NewMessage {
            id: MessageId::new(id).unwrap(),
            lane: self.lane_name(user),
            class: Class::new(self.account()).unwrap(),
            payload: payload.to_vec().into(),
            arrived_us: now.as_micros().try_into().unwrap(),
            not_after: None,
            held,
            late: false,
            dead_reason: None,
        };
        assert_eq!(self.queue.accept(new).await.unwrap(), Accepted::New);
    }
}
