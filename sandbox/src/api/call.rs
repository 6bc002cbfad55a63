//! What every call of the API goes through: it is counted, meets its fault, is judged, and a refusal leaves its line.

use axum::{
    extract::{ConnectInfo, FromRequestParts, rejection::ExtensionRejection},
    http::request::Parts,
    response::{IntoResponse, Response},
};

use super::{refusal::ApiRefusal, trouble};
use crate::{
    CallCount, Endpoint, Fault, FaultForm, OpenId, Sandbox, What, account::AccountState, served::Served,
    server::ClientLink,
};

/// One call, with what came in it: it may be judged in a task of its own, after its caller has hung up.
pub(super) trait ApiCall: Clone + Send + 'static {
    /// The account and the user that it names; each is empty if it can't be read.
    fn subject(&self, sandbox: &Sandbox) -> (String, OpenId);

    /// All checks, and its effect when they pass; otherwise an `errcode`.
    fn judge(&self, caller: &Caller, endpoint: Endpoint) -> Result<Response, i64>;

    /// Called when the caller gets to know that it had its effect.
    fn answered(&self, _: &Sandbox) {}

    /// Which try of the same call it is, from 1; 0 where tries aren't told apart.
    fn attempt(&self) -> u32 {
        0
    }

    /// What came with it, if it is about a user.
    fn body(&self) -> &[u8] {
        &[]
    }

    /// Its line in the transcript when it is refused, if it has one. `_about`: the push that it is about, if that is known.
    fn refused(&self, on: &'static str, code: i64, reason: String, _about: Option<String>) -> Option<What> {
        Some(What::CallRefused { on, code, reason })
    }
}

/// A call as the story of the message shows it that it is about.
#[derive(Clone)]
struct SeenCall {
    /// The push, if it is about one that is known.
    about: Option<String>,
    endpoint: Endpoint,
    fault: Option<FaultForm>,
}

impl SeenCall {
    fn note(&self, sandbox: &Sandbox, body: &[u8], answer: Option<(i64, String)>) {
        if let Some(msg_id) = &self.about {
            let (path, fault) = (format!("/cgi-bin{}", self.endpoint.path()), self.fault.clone());
            sandbox.change_story(msg_id, |story| story.called(path, body, answer, fault));
        }
    }
}

/// Who calls, and whom.
#[derive(Clone)]
pub(super) struct Caller {
    served: Served,
    pub(super) link: ClientLink,
}

impl FromRequestParts<Served> for Caller {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(parts: &mut Parts, served: &Served) -> Result<Caller, ExtensionRejection> {
        let ConnectInfo(link) = ConnectInfo::from_request_parts(parts, served).await?;
        Ok(Caller { served: served.clone(), link })
    }
}

impl Caller {
    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.served.sandbox
    }

    /// Answers a call.
    pub(super) async fn answer(self, endpoint: Endpoint, call: impl ApiCall) -> Response {
        let sandbox = self.sandbox();
        let (account, user) = call.subject(sandbox);
        self.count(&account, endpoint, |count| count.calls += 1);
        let fault = sandbox.faults().take(endpoint, &account, &user);
        let form = fault.as_ref().map(FaultForm::from);
        if let Some(fault) = form.clone() {
            let (on, attempt) = (endpoint.as_str(), call.attempt());
            sandbox.note(&account, &user, What::Faulted { on, fault, attempt });
        }
        let about = sandbox.account(&account).and_then(|it| it.users.lock().subject(user.as_str()));
        let seen = SeenCall { about, endpoint, fault: form };
        if matches!(fault, Some(Fault::Hang | Fault::Cut | Fault::Status(_) | Fault::Html)) {
            seen.note(sandbox, call.body(), None);
        }
        let heard = fault != Some(Fault::CutAfterAccept);
        let (caller, judged, judging) = (self.clone(), call.clone(), seen.clone());
        let handle = async move {
            match judged.judge(&caller, endpoint) {
                Ok(answer) => {
                    if heard {
                        judged.answered(caller.sandbox());
                    }
                    judging.note(caller.sandbox(), judged.body(), Some((0, "ok".to_owned())));
                    answer
                }
                Err(code) => caller.refuse(&judging, &judged, code),
            }
        };
        let refuse = |code| self.refuse(&seen, &call, code);
        trouble::meet(fault, &self.served.stopping, &self.link.cut, handle, refuse).await
    }

    fn refuse(&self, seen: &SeenCall, call: &impl ApiCall, code: i64) -> Response {
        let (account, user) = call.subject(self.sandbox());
        let refusal = ApiRefusal::to(self.link.peer.ip(), code);
        self.count(&account, seen.endpoint, |count| count.refused += 1);
        seen.note(self.sandbox(), call.body(), Some((code, refusal.message.clone())));
        if let Some(what) =
            call.refused(seen.endpoint.as_str(), code, refusal.message.clone(), seen.about.clone())
        {
            self.sandbox().note(&account, &user, what);
        }
        refusal.into_response()
    }

    fn count(&self, account: &str, endpoint: Endpoint, add: impl FnOnce(&mut CallCount)) {
        if let Some(account) = self.sandbox().account(account) {
            add(account.calls.lock().of_mut(endpoint));
        }
    }

    /// Uses up one call of the account's limits.
    pub(super) fn spend(&self, account: &AccountState, endpoint: Endpoint) -> Result<(), i64> {
        account.quotas.lock().spend(endpoint, self.sandbox().now())
    }
}
