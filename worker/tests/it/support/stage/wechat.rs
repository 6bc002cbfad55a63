//! What WeChat was sent and refused, and whether it is there.

use std::sync::Arc;

use huixin_sandbox::{Fault, FaultForm, TranscriptEntry, What};

use super::Stage;
use crate::support::{SOON, within};

impl Stage {
    /// Waits for so many messages to the user, and gives the texts of all that they have got.
    pub(crate) async fn texts(&self, user: &str, n: usize) -> Vec<String> {
        self.sandbox
            .transcript()
            .wait_for_sends(user, n, SOON)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        self.sandbox.transcript().texts_to(user)
    }

    /// How many messages the user has got.
    pub(crate) fn sent_to(&self, user: &str) -> usize {
        self.sandbox.transcript().sent_to(user).len()
    }

    /// What they have got, as JSON without the addressee.
    pub(crate) fn messages_to(&self, user: &str) -> Vec<serde_json::Value> {
        let sent = self.sandbox.transcript().sent_to(user);
        let bodies = sent.iter().filter_map(|entry| match &entry.what {
            What::Sent { message, .. } => Some(message.clone()),
            _ => None,
        });
        bodies
            .map(|mut message| {
                let to = message.as_object_mut().unwrap().remove("touser");
                assert_eq!(to, Some(user.into()));
                message
            })
            .collect()
    }

    /// The codes with which sends to the user were refused.
    pub(crate) fn refusals(&self, user: &str) -> Vec<i64> {
        let of_user = |entry: &Arc<TranscriptEntry>| entry.user == user;
        let codes = self.sandbox.transcript().entries().into_iter().filter(of_user);
        codes
            .filter_map(|entry| if let What::Refused { code, .. } = entry.what { Some(code) } else { None })
            .collect()
    }

    /// Waits until so many calls have met this fault.
    pub(crate) async fn faulted(&self, fault: &Fault, n: usize) {
        let wanted = FaultForm::from(fault);
        let is_it =
            |entry: &TranscriptEntry| matches!(&entry.what, What::Faulted { fault, .. } if *fault == wanted);
        self.sandbox
            .transcript()
            .wait_for_matches(is_it, n, SOON)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Stops WeChat's server: connections are refused until [`Stage::wechat_returns`].
    pub(crate) async fn wechat_leaves(&mut self) {
        let wechat = self.wechat.take().expect("it is there");
        within("the sandbox stops", wechat.stop()).await.unwrap();
    }

    /// Serves WeChat again, at the same address.
    pub(crate) async fn wechat_returns(&self) {
        let address = self.api_base.socket_addrs(|| None).unwrap()[0];
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        tokio::spawn(huixin_sandbox::run(listener, self.sandbox.clone(), std::future::pending()));
    }
}
