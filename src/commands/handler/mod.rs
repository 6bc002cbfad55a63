//! `huixin handler test`: a service is sent each kind of message, and its answers are judged.
//!
//! The request is made and the answer is read by the worker's own handler, so that an answer judged good here is good there.

mod kinds;
mod verdict;

use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use futures::StreamExt as _;
use huixin_wechat::{Media, Outgoing, Secret, http_client};
use huixin_worker::handlers::HttpHandler;
use huixin_worker::{Captures, Context, Outcome, Rights, media};

use self::kinds::SampleMessage;
use self::verdict::TestVerdict;
use crate::cli::{HandlerCommand, HandlerTestFlags};
use crate::report::Failure;

/// How many messages are out at once; each is another user's, so that a worker would send them at once too.
const AT_ONCE: usize = 16;
const NOT_FETCHED: &str = "pictures and other media that an answer names are not fetched here; a worker fetches, checks and uploads them";
const NOT_WAITED: &str = "a 202 promises an answer by call back, but `callback_url` is null here: `huixin dev` has \
    one and receives the answer; in production set `callback.base_url`";
const NO_REPLY: &str = "no kind of message got a reply";

pub(super) async fn handler(command: &HandlerCommand) -> Result<(), Failure> {
    let HandlerCommand::Test(flags) = command;
    let secret = secret(flags)?;
    let client = http_client().context("the HTTP client can't be made")?;
    let handler = HttpHandler::new(flags.url.clone(), flags.timeout, secret.as_ref(), client)?;
    let kinds = kinds::all(&flags.text)?;
    let width = kinds.iter().map(|kind| kind.name.chars().count()).max().unwrap_or_default();
    let at_most = humantime::format_duration(flags.timeout);
    println!("{} kinds of messages, each sent once; an answer may take {at_most}", kinds.len());
    let mut asked = futures::stream::iter(&kinds).map(|kind| ask(&handler, kind)).buffered(AT_ONCE);
    let (mut bad, mut replied, mut later, mut named) = (0, false, false, false);
    while let Some(Asked { kind, verdict, took, has_media }) = asked.next().await {
        print_line(&format!("{:<width$}", kind.name), &verdict, took);
        bad += usize::from(verdict.is_bad());
        replied |= verdict.is_reply();
        later |= verdict == TestVerdict::Later;
        named |= has_media;
        if matches!(verdict, TestVerdict::Unanswered(_)) && !replied {
            return Err(Failure::failed("the service doesn't answer", "start it, or correct the URL"));
        }
    }
    if named {
        println!("note: {NOT_FETCHED}");
    }
    if later {
        println!("note: {NOT_WAITED}");
    }
    match (bad, replied) {
        (0, true) => Ok(()),
        (0, false) => Err(Failure::failed(NO_REPLY, "answer with a text, or with JSON that has `replies`")),
        (bad, _) => Err(Failure::failed(
            format!("{bad} of {} answers can't be sent as they are", kinds.len()),
            "fix what is marked BAD above; docs/http-handler.md says what an answer may be",
        )),
    }
}

/// What became of a message.
struct Asked<'a> {
    kind: &'a SampleMessage,
    verdict: TestVerdict,
    took: Duration,
    /// Whether the answer names media that a worker would read from somewhere.
    has_media: bool,
}

async fn ask<'a>(handler: &HttpHandler, kind: &'a SampleMessage) -> Asked<'a> {
    let begun = Instant::now();
    let context = context(kind);
    let tried = handler.try_out(&kind.message, &context).await;
    let has_content = kind.message.content().or(kind.message.recognition()).is_some();
    let took = begun.elapsed();
    let replies = match &tried.outcome {
        Outcome::Reply(replies) | Outcome::Remember { replies, .. } => replies.as_slice(),
        _ => &[],
    };
    let mut refused = None;
    for media in replies.iter().flat_map(Outgoing::media).map(|(_, media)| media) {
        if let (Media::Url(url), None) = (media, &refused) {
            refused = media::refusal(url, &[]).await;
        }
    }
    let has_media = replies.iter().flat_map(Outgoing::media).any(|(_, media)| !matches!(media, Media::Id(_)));
    Asked { kind, verdict: TestVerdict::of(tried, has_content, context.sends_left, refused), took, has_media }
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
