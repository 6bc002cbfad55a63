//! What every call of the API goes through: it is counted, meets its fault, is judged, and a refusal leaves its line.

use axum::response::{IntoResponse, Response};

use super::{refusal::Refusal, trouble};
use crate::{Endpoint, Fault, OpenId, Sandbox, What, account::AccountState, served::Served, server::Link};

/// One call, with all that its judgement needs: it may be judged in a task of its own, after its caller has hung up.
pub(super) trait Call: Clone + Send + 'static {
    fn endpoint(&self) -> Endpoint;

    fn sandbox(&self) -> &Sandbox;

    /// The account and the user that it names, as far as they can be read; empty what can't.
    fn subject(&self) -> (String, OpenId);

    /// All checks, and its effect when they pass.
    fn judge(&self) -> Result<Response, Refusal>;

    /// The caller gets to know that it had its effect.
    fn answered(&self) {}

    /// Which try of the same it is, from 1; 0 where tries aren't told apart.
    fn attempt(&self) -> u32 {
        0
    }

    /// Its line in the transcript when it is refused, if it has one.
    fn refused(&self, refusal: &Refusal) -> Option<What> {
        let (on, code, reason) = (self.endpoint().as_str(), refusal.code, refusal.message.clone());
        Some(What::CallRefused { on, code, reason })
    }
}

/// Answers a call.
pub(super) async fn answer<C: Call>(served: &Served, link: &Link, call: C) -> Response {
    let (account, user) = call.subject();
    let sandbox = call.sandbox();
    if let Some(account) = sandbox.account(&account) {
        account.calls().of_mut(call.endpoint()).calls += 1;
    }
    let fault = sandbox.faults().take(call.endpoint(), &account, &user);
    if let Some(fault) = &fault {
        let (on, fault, attempt) = (call.endpoint().as_str(), format!("{fault:?}"), call.attempt());
        sandbox.note(&account, &user, What::Faulted { on, fault, attempt });
    }
    let heard = fault != Some(Fault::CutAfterAccept);
    let judged = call.clone();
    let handle = async move {
        match judged.judge() {
            Ok(response) => {
                if heard {
                    judged.answered();
                }
                response
            }
            Err(refusal) => refuse(&judged, refusal),
        }
    };
    let refuse_by_fault = |refusal: Refusal| {
        // Also when it is ordered, this code tells the caller's address.
        refuse(&call, if refusal.code == 40164 { Refusal::not_on_list(link.peer.ip()) } else { refusal })
    };
    trouble::meet(fault, &served.stopping, &link.cut, handle, refuse_by_fault).await
}

/// Uses up one call of the account's limits.
pub(super) fn spend(account: &AccountState, endpoint: Endpoint, sandbox: &Sandbox) -> Result<(), Refusal> {
    Ok(account.quotas().spend(endpoint, sandbox.now())?)
}

fn refuse(call: &impl Call, refusal: Refusal) -> Response {
    let (account, user) = call.subject();
    if let Some(account) = call.sandbox().account(&account) {
        account.calls().of_mut(call.endpoint()).refused += 1;
    }
    if let Some(what) = call.refused(&refusal) {
        call.sandbox().note(&account, &user, what);
    }
    refusal.into_response()
}
