//! What is known of messages beyond what WeChat itself would know: see [`Backstage`].

use std::sync::Arc;

use bytes::Bytes;

use super::Sandbox;
use crate::{Backstage, Exchange, MessageStage, OpenId, story::Story};

impl Sandbox {
    /// Shows what this knows from now on. Only the first one given is used.
    pub fn set_backstage(&self, backstage: Arc<dyn Backstage>) {
        if self.0.backstage.set(backstage).is_err() {
            tracing::warn!("the sandbox has its backstage already");
        }
    }

    /// A worker has come this far with a message of this account, which has this body. A message that isn't remembered is
    /// ignored.
    pub fn staged(&self, account: &str, body: &[u8], stage: MessageStage) {
        let Some((user, msg_id)) = self.found(account, body) else { return };
        if let Some(account) = self.account(account) {
            match stage {
                MessageStage::Taken => account.users.lock().begin_answer(user.as_str(), &msg_id),
                MessageStage::Ended { .. } => account.users.lock().end_answer(user.as_str(), &msg_id),
                _ => {}
            }
        }
        self.change_story(&msg_id, |story| story.staged(stage));
    }

    /// A worker has asked a service for a message of this account, which has this body.
    pub fn exchanged(&self, account: &str, body: &[u8], exchange: Exchange) {
        if let Some((_, msg_id)) = self.found(account, body) {
            self.change_story(&msg_id, |story| story.exchanged(exchange));
        }
    }

    pub(crate) fn backstage(&self) -> Option<&Arc<dyn Backstage>> {
        self.0.backstage.get()
    }

    /// A try of a push is posted.
    pub(super) fn posts(&self, msg_id: &str, url: &str, body: &Bytes, posted: &Bytes) {
        self.0.stories.lock().posted(msg_id, url, body, posted);
    }

    pub(crate) fn change_story(&self, msg_id: &str, change: impl FnOnce(&mut Story)) {
        self.0.stories.lock().change(msg_id, change);
    }

    /// Reads the story of a message, if it is remembered.
    pub(crate) fn read_story<T>(
        &self,
        account: &str,
        msg_id: &str,
        read: impl FnOnce(&Story) -> T,
    ) -> Option<T> {
        self.0.stories.lock().get(account, msg_id).map(read)
    }

    fn found(&self, account: &str, body: &[u8]) -> Option<(OpenId, String)> {
        self.0.stories.lock().find(account, body)
    }
}
