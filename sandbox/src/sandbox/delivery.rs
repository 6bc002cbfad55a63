//! Delivering a push to the receiver by WeChat's rules.
//!
//! Five seconds a try, three tries in all. The next try starts at the moment the last one's time is up or its connection
//! fails; there is no pause, and no backoff. The body is the same on every try, the signature fresh. WeChat documents neither
//! the spacing nor whether an error status is retried. The spacing is what its users have observed; a status is retried
//! because that is harder on a receiver.

use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::hang_up;
use crate::{
    FaultForm, MediaKind, MessageStage, Push, PushReport, Sandbox, TryOutcome, TryReport, What,
    account::AccountState,
    clock::as_ms,
    envelope::{Envelope, MAX_ANSWER_BYTES, read_answer},
    mark_fail::Consequence,
    passive::{self, PassiveMessage},
};

/// All tries of a push, with their lines in the transcript.
pub(super) async fn push(sandbox: &Sandbox, push: &Push) -> PushReport {
    let mut start = None;
    let mut tries: Vec<TryReport> = Vec::new();
    for n in 1..=tries_of(sandbox, push) {
        if is_stopped(sandbox, push) {
            sandbox.note(&push.account, &push.user, What::Withheld { msg_id: push.msg_id.clone() });
            break;
        }
        let report = one_try(sandbox, push, n, &mut start).await;
        let retried = report.outcome.is_retried();
        if !report.outcome.is_ack() {
            count_unanswered(sandbox, push);
        }
        tries.push(report);
        if !retried {
            break;
        }
    }
    let acked = tries.last().is_some_and(|last| last.outcome.is_ack());
    // Out of the tries' own times, so that whatever shows an ack shows the same number.
    let ms = tries.last().map_or(0.0, |last| last.started_ms + last.took_ms);
    let msg_id = push.msg_id.clone();
    let last = if acked {
        What::Acked { msg_id, ms, tries: u32::try_from(tries.len()).unwrap_or(u32::MAX) }
    } else if push.is_visible() {
        What::FaultNotice { msg_id }
    } else {
        What::GivenUp { msg_id }
    };
    sandbox.note(&push.account, &push.user, last);
    PushReport { msg_id: push.msg_id.clone(), tries, acked, ack_ms: acked.then_some(ms) }
}

fn tries_of(sandbox: &Sandbox, push: &Push) -> u32 {
    let share = sandbox.account(&push.account).map_or(0.0, |account| account.rules.lock().extra_try);
    let extra = share > 0.0 && rand::random_bool(share.min(1.0));
    sandbox.config().tries.max(1) + u32::from(extra)
}

fn is_stopped(sandbox: &Sandbox, push: &Push) -> bool {
    let Some(account) = sandbox.account(&push.account) else { return false };
    let has_rule = account.rules.lock().mark_fail.is_some();
    has_rule && account.unanswered.lock().stopped(sandbox.now())
}

fn count_unanswered(sandbox: &Sandbox, push: &Push) {
    let Some(account) = sandbox.account(&push.account) else { return };
    let Some(rule) = account.rules.lock().mark_fail else { return };
    let consequence = account.unanswered.lock().add(&rule, sandbox.now());
    let what = match consequence {
        None => return,
        Some(Consequence::Alarm(unanswered)) => What::Alarmed { unanswered },
        Some(Consequence::Stop(unanswered)) => {
            tracing::warn!(
                account = push.account.as_str(),
                unanswered,
                stop_s = rule.stop_for.as_secs(),
                hint = "POST /sandbox/rules {\"mark_fail\": false} switches this off",
                "the pretend WeChat stops pushing, since too many tries were not answered"
            );
            What::Stopped { unanswered, for_s: rule.stop_for.as_secs_f64() }
        }
    };
    sandbox.note(&push.account, &push.user, what);
}

/// One try outside the rules, which the transcript calls number 0.
pub(super) async fn push_once(sandbox: &Sandbox, push: &Push) -> TryReport {
    one_try(sandbox, push, 0, &mut None).await
}

/// `start`: when the first try of its push began.
async fn one_try(sandbox: &Sandbox, push: &Push, n: u32, start: &mut Option<Instant>) -> TryReport {
    let began = Instant::now();
    let start = *start.get_or_insert(began);
    sandbox.change_story(&push.msg_id, |story| story.try_begins(n));
    let account = sandbox.account(&push.account);
    let posted = match account {
        Some(account) => post(sandbox, account, push, n).await,
        None => Posted::failed(TryOutcome::Unreachable("the sandbox has no such account".to_owned())),
    };
    let (mut outcome, mut answer) = match (posted.outcome, account, &posted.response) {
        (Some(outcome), _, _) => (outcome, None),
        (None, Some(account), Some(body)) => judge(sandbox, account, push, body),
        (None, _, _) => (TryOutcome::Timeout, None),
    };
    if sandbox.faults().take_lost_ack() {
        let faulted = What::Faulted { on: "push", fault: FaultForm::LostAck, attempt: n };
        sandbox.note(&push.account, &push.user, faulted);
        (outcome, answer) = (TryOutcome::Timeout, None);
    }
    let took_ms = as_ms(began.elapsed());
    sandbox.change_story(&push.msg_id, |story| {
        story.try_ended(n, took_ms, &outcome, posted.response.as_ref());
    });
    let tried = What::Tried { msg_id: push.msg_id.clone(), n, took_ms, outcome: outcome.clone() };
    sandbox.note(&push.account, &push.user, tried);
    if let (Some(account), Some(answer)) = (account, answer) {
        show(sandbox, account, push, n, answer);
    }
    TryReport { started_ms: as_ms(began - start), took_ms, outcome }
}

/// What the body of a 200 answer means, and what is in it for the user.
fn judge(
    sandbox: &Sandbox,
    account: &AccountState,
    push: &Push,
    body: &[u8],
) -> (TryOutcome, Option<PassiveMessage>) {
    let message = match passive::read(&account.settings, push, body) {
        Ok(None) => return (TryOutcome::Acked, None),
        Ok(Some(message)) => message,
        Err(reason) => return (TryOutcome::BadReply(reason), None),
    };
    let missing = |(id, kind): &&(String, MediaKind)| account.has_media(id, *kind, sandbox.now()).is_err();
    match message.media.iter().find(missing).filter(|_| sandbox.config().enforce_media) {
        Some((id, kind)) => {
            (TryOutcome::BadReply(format!("the account has no {} {id}", kind.as_str())), None)
        }
        None => {
            let text = message.text.clone().unwrap_or_else(|| format!("[{}]", message.kind));
            (TryOutcome::PassiveReply(text), Some(message))
        }
    }
}

/// One answer for each push, and none where the user has asked nothing.
fn show(sandbox: &Sandbox, account: &AccountState, push: &Push, n: u32, answer: PassiveMessage) {
    if push.is_visible() && account.users.lock().answered(push.user.as_str(), &push.msg_id) {
        let PassiveMessage { kind, text, message, .. } = answer;
        let (msg_id, answers) = (push.msg_id.clone(), Some(push.msg_id.clone()));
        sandbox.change_story(&msg_id, |story| story.staged(MessageStage::Sent { part: 1, of: 1 }));
        let replied = What::Replied { msg_id, n, kind, text, message, answers };
        sandbox.note(&push.account, &push.user, replied);
    }
}

/// What came of posting a try.
struct Posted {
    /// How it ended, unless the response says that.
    outcome: Option<TryOutcome>,
    /// The body of the answer, whatever its status.
    response: Option<Bytes>,
}

impl Posted {
    fn failed(outcome: TryOutcome) -> Posted {
        Posted { outcome: Some(outcome), response: None }
    }
}

/// Posts a try. Its response decides how it ends if it came in time and its status is 200.
async fn post(sandbox: &Sandbox, account: &AccountState, push: &Push, n: u32) -> Posted {
    let Some(receiver) = account.push_url.lock().clone() else {
        return Posted::failed(TryOutcome::Unreachable("the account has no push address".to_owned()));
    };
    let original_id = &account.settings.original_id;
    let has_menu_ids = account.rules.lock().menu_ids;
    // The tap itself stays one, and opens what a tap opens.
    let body = Bytes::from(match has_menu_ids {
        true => push.body(original_id),
        false => push.clone().without_menu_id().body(original_id),
    });
    let envelope = Envelope::around(&account.settings, &push.user, body.clone());
    let address = envelope.address(&receiver);
    sandbox.posts(&push.msg_id, address.as_str(), &body, &envelope.body);
    if let Some(how) = sandbox.faults().take_hang_up() {
        let faulted = What::Faulted { on: "push", fault: how.into(), attempt: n };
        sandbox.note(&push.account, &push.user, faulted);
        let hung_up = hang_up::post(&address, &envelope.body, how);
        return Posted::failed(match timeout(sandbox.config().push_timeout, hung_up).await {
            Err(_) => TryOutcome::Timeout,
            Ok(Err(error)) => TryOutcome::Unreachable(error.to_string()),
            Ok(Ok(())) => TryOutcome::Unreachable("WeChat hung up, as ordered".to_owned()),
        });
    }
    let exchange = async {
        let answer = envelope.request(sandbox.client(), &receiver).send().await?;
        let status = answer.status().as_u16();
        Ok::<_, reqwest::Error>((status, read_answer(answer).await?))
    };
    match timeout(sandbox.config().push_timeout, exchange).await {
        Err(_) => Posted::failed(TryOutcome::Timeout),
        Ok(Err(error)) => Posted::failed(TryOutcome::Unreachable(reason(&error))),
        Ok(Ok((200, None))) => {
            Posted::failed(TryOutcome::BadReply(format!("longer than {MAX_ANSWER_BYTES} bytes")))
        }
        Ok(Ok((status, response))) => {
            Posted { outcome: (status != 200).then_some(TryOutcome::Status(status)), response }
        }
    }
}

/// A failure as a sentence: its innermost cause, which says why, without the address, which carries a signature.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let (cause, what) =
        (cause.to_string(), if error.is_connect() { "no connection" } else { "the connection broke" });
    let cause = cause.split(" (os error").next().unwrap_or_default();
    format!("{what}: {cause}")
}
