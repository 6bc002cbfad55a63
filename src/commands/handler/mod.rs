//! `huixin handler test`: a service is sent each kind of message, and its answers are judged.
//!
//! The request is made and the answer is read by the worker's own handler, so that what is judged well here is well there.

mod kinds;
mod verdict;

use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use futures::StreamExt as _;
use huixin_wechat::{Secret, http_client};
use huixin_worker::handlers::HttpHandler;
use huixin_worker::{Captures, Context, Rights};

use self::kinds::SampleMessage;
use self::verdict::TestVerdict;
use crate::cli::{HandlerCommand, HandlerFlags, HandlerTestFlags};
use crate::report::Failure;

/// How many messages are out at once; each is another user's, so that a worker would send them at once too.
const AT_ONCE: usize = 16;
const NO_REPLY: &str = "no kind of message has got a reply";

pub(super) async fn handler(flags: &HandlerFlags) -> Result<(), Failure> {
    let HandlerCommand::Test(flags) = &flags.command;
    let secret = secret(flags)?;
    let client = http_client().context("the HTTP client can't be made")?;
    let handler = HttpHandler::new(flags.url.clone(), flags.timeout, secret.as_ref(), client)?;
    let kinds = kinds::all(&flags.text)?;
    let width = kinds.iter().map(|kind| kind.name.chars().count()).max().unwrap_or_default();
    let mut asked = futures::stream::iter(&kinds).map(|kind| ask(&handler, kind)).buffered(AT_ONCE);
    let (mut bad, mut replied) = (0, false);
    while let Some((kind, verdict, took)) = asked.next().await {
        print_line(&format!("{:<width$}", kind.name), &verdict, took);
        bad += usize::from(verdict.is_bad());
        replied |= verdict.is_reply();
        if matches!(verdict, TestVerdict::Unanswered(_)) && !replied {
            return Err(Failure::failed("the service doesn't answer", "start it, or mend the URL"));
        }
    }
    match (bad, replied) {
        (0, true) => Ok(()),
        (0, false) => Err(Failure::failed(NO_REPLY, "answer with a text, or with JSON that has `replies`")),
        (bad, _) => Err(Failure::failed(
            format!("{bad} of {} answers can't be sent as they are", kinds.len()),
            "mend what is marked BAD above; docs/http-handler.md says what an answer may be",
        )),
    }
}

async fn ask<'a>(
    handler: &HttpHandler,
    kind: &'a SampleMessage,
) -> (&'a SampleMessage, TestVerdict, Duration) {
    let begun = Instant::now();
    let context = context(kind);
    let tried = handler.try_out(&kind.message, &context).await;
    let has_content = kind.message.content().or(kind.message.recognition()).is_some();
    (kind, TestVerdict::of(tried, has_content, context.sends_left), begun.elapsed())
}

/// What a worker would know of a first message.
fn context(kind: &SampleMessage) -> Context {
    let now = SystemTime::now();
    let right = Rights::default().of(kind.message.trigger());
    Context {
        id: format!("handler-test-{}", kind.id),
        account: "main".to_owned(),
        route: "handler-test".to_owned(),
        attempt: 1,
        accepted_at: now,
        reply_until: right.and_then(|right| now.checked_add(right.window)),
        sends_left: right.map_or(0, |right| right.sends),
        captures: Captures::new(),
        memory: None,
        callback_url: None,
    }
}

fn secret(flags: &HandlerTestFlags) -> Result<Option<Secret>, Failure> {
    match (&flags.secret, &flags.secret_file) {
        (Some(secret), _) => Ok(Some(Secret::from(secret.as_str()))),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the secret in `{}`", file.display()))?;
            Ok(Some(Secret::from(text.trim())))
        }
        (None, None) => Ok(None),
    }
}

fn print_line(kind: &str, verdict: &TestVerdict, took: Duration) {
    println!("{} {kind}  {verdict}, after {:.1} s", verdict.mark(), took.as_secs_f64());
}
