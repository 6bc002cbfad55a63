//! The business service behind an `http` route: answers every message after a time, and remembers who asked when.
//!
//! One part is answered as a text, several as a JSON list.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tokio::sync::watch;

use super::{PATIENCE, now_us};

/// A service that decides by the request what it answers and when.
#[derive(Clone)]
pub(crate) struct Backend {
    requests: Arc<Mutex<Vec<Asked>>>,
    count: Arc<watch::Sender<usize>>,
    answers: Arc<Answers>,
    pub(crate) url: String,
}

/// How long a request takes, and what is said to it.
type Answers = dyn Fn(&Asked) -> (Duration, Said) + Send + Sync;

/// What is said to a request.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// Replies.
    Parts(Vec<String>),
    /// A status, a content type and a body.
    Bare(u16, &'static str, &'static str),
    /// A status, and after how many seconds to ask again.
    RetryAfter(u16, u64),
}

/// One request: the start of a handler.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The message's id.
    pub(crate) id: String,
    pub(crate) content: String,
    pub(crate) attempt: u64,
    /// When it came, by the clock that never goes back and by the one that the processes share.
    pub(crate) at: Instant,
    pub(crate) at_us: u64,
    /// Where an answer may be given later; empty: nowhere.
    pub(crate) callback_url: String,
    /// What makes it a part of a trace; empty: it is none.
    pub(crate) traceparent: String,
    /// From the receiver's stamp to this request.
    pub(crate) waited: Duration,
}

impl Backend {
    /// One that answers `answer to <content>` after `takes`.
    pub(crate) async fn start(takes: Duration) -> Self {
        Self::answering(move |asked| (takes, format!("answer to {}", asked.content))).await
    }

    /// One that asks `answers` how long each request takes and what is said to it.
    pub(crate) async fn answering(
        answers: impl Fn(&Asked) -> (Duration, String) + Send + Sync + 'static,
    ) -> Self {
        Self::in_parts(move |asked| {
            let (takes, text) = answers(asked);
            (takes, vec![text])
        })
        .await
    }

    /// The same, each answer in parts.
    pub(crate) async fn in_parts(
        answers: impl Fn(&Asked) -> (Duration, Vec<String>) + Send + Sync + 'static,
    ) -> Self {
        Self::saying(move |asked| {
            let (takes, parts) = answers(asked);
            (takes, Said::Parts(parts))
        })
        .await
    }

    /// One that will answer later.
    pub(crate) async fn later() -> Self {
        Self::saying(|_| (Duration::ZERO, Said::Bare(202, "text/plain", ""))).await
    }

    /// One that says anything. It is on a port of its own and lives as long as the test's runtime.
    pub(crate) async fn saying(answers: impl Fn(&Asked) -> (Duration, Said) + Send + Sync + 'static) -> Self {
        let listener =
            tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
        let url = format!("http://{}/", listener.local_addr().expect("a bound listener has an address"));
        let count = Arc::new(watch::Sender::new(0));
        let backend = Self { requests: Arc::default(), count, answers: Arc::new(answers), url };
        let routes = Router::new().route("/", post(answer)).with_state(backend.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        backend
    }

    /// A route to it for every message.
    pub(crate) fn route(&self) -> String {
        format!("[[route]]\nname = \"backend\"\nhttp = {{ url = \"{}\", timeout = \"10m\" }}\n", self.url)
    }

    /// What was asked, in order.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.requests.lock().expect("no holder panics").clone()
    }

    /// Waits until it has been asked more often, but not for ever: the rest may never be asked again.
    pub(crate) async fn wait_for_more_requests(&self, than: usize) {
        let mut seen = self.count.subscribe();
        let _ = tokio::time::timeout(Duration::from_millis(200), seen.wait_for(|n| *n > than)).await;
    }

    /// What was asked about this message, in order.
    pub(crate) fn requests_for(&self, content: &str) -> Vec<Asked> {
        let mut requests = self.requests();
        requests.retain(|asked| asked.content == content);
        requests
    }

    /// Waits until it has been asked so often.
    pub(crate) async fn wait_for_requests(&self, count: usize) {
        self.wait_until(&format!("{count} requests"), |requests| requests.len() >= count).await;
    }

    /// Waits until what it was asked is as the test wants it.
    pub(crate) async fn wait_until(&self, what: &str, mut holds: impl FnMut(&[Asked]) -> bool) {
        let mut seen = self.count.subscribe();
        let mut holds = || holds(&self.requests.lock().expect("no holder panics"));
        let came = tokio::time::timeout(PATIENCE, seen.wait_for(|_| holds())).await.is_ok();
        assert!(came, "{what} never came; it was asked {:?}", self.requests());
    }
}

async fn answer(State(backend): State<Backend>, headers: HeaderMap, Json(request): Json<Value>) -> Response {
    let asked = Asked::now(&headers, &request);
    let (takes, said) = (backend.answers)(&asked);
    backend.requests.lock().expect("no holder panics").push(asked);
    backend.count.send_modify(|n| *n += 1);
    tokio::time::sleep(takes).await;
    match said {
        Said::Parts(mut parts) if parts.len() == 1 => parts.remove(0).into_response(),
        Said::Parts(parts) => Json(parts).into_response(),
        Said::Bare(status, kind, body) => {
            let status = StatusCode::from_u16(status).expect("a test says a status that is one");
            (status, [(header::CONTENT_TYPE, kind)], body).into_response()
        }
        Said::RetryAfter(status, seconds) => {
            let status = StatusCode::from_u16(status).expect("a test says a status that is one");
            (status, [(header::RETRY_AFTER, seconds.to_string())]).into_response()
        }
    }
}

impl Asked {
    fn now(headers: &HeaderMap, request: &Value) -> Self {
        let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
        let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
        let now = SystemTime::now();
        let accepted = humantime::parse_rfc3339(&text("accepted_at")).unwrap_or(now);
        Self {
            id: text("id"),
            content: text("content"),
            callback_url: text("callback_url"),
            traceparent: traceparent.unwrap_or_default().to_owned(),
            attempt: request["attempt"].as_u64().unwrap_or_default(),
            at: Instant::now(),
            at_us: now_us(),
            waited: now.duration_since(accepted).unwrap_or_default(),
        }
    }
}
