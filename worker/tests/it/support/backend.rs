//! A service that answers as a test says, and remembers what it was asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use huixin_wechat::{Secret, http_client};
use huixin_worker::handlers::{ChatHandler, ChatSettings, HttpHandler};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use url::Url;

use super::within;

/// One request as the service saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    pub(crate) body: Value,
}

impl Asked {
    pub(crate) fn content(&self) -> &str {
        self.body["content"].as_str().unwrap()
    }

    pub(crate) fn attempt(&self) -> u64 {
        self.body["attempt"].as_u64().unwrap()
    }

    /// What a model was asked: each message as `role: content`.
    pub(crate) fn messages(&self) -> Vec<String> {
        let message = |message: &Value| {
            format!("{}: {}", message["role"].as_str().unwrap(), message["content"].as_str().unwrap())
        };
        self.body["messages"].as_array().unwrap().iter().map(message).collect()
    }

    /// The question: the last of the messages.
    pub(crate) fn question(&self) -> String {
        let messages = self.messages();
        messages.last().unwrap().strip_prefix("user: ").unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// One answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    after: Duration,
}

impl Answer {
    pub(crate) fn text(body: &str) -> Self {
        Self::of(200, "text/plain; charset=utf-8", body)
    }

    pub(crate) fn json(body: &str) -> Self {
        Self::of(200, "application/json", body)
    }

    /// A model's answer.
    pub(crate) fn said(content: &str) -> Self {
        Self::json(
            &json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).to_string(),
        )
    }

    pub(crate) fn bytes(body: &[u8]) -> Self {
        Self { body: body.to_owned(), ..Self::text("") }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::of(status, "text/plain", "")
    }

    pub(crate) fn of(status: u16, kind: &str, body: &str) -> Self {
        let headers = vec![(header::CONTENT_TYPE.as_str(), kind.to_owned())];
        Self { status, headers, body: body.into(), after: Duration::ZERO }
    }

    pub(crate) fn with(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }

    pub(crate) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

type Script = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A service at `/ask`, which as a model's endpoint is at `/v1`.
pub(crate) struct Backend {
    url: Url,
    inner: Arc<Inner>,
}

struct Inner {
    script: Box<Script>,
    asked: watch::Sender<Vec<Asked>>,
}

impl Backend {
    /// Starts a service that answers each request as `script` says.
    pub(crate) async fn start(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let mut backend = Self::away(script);
        backend.1.listen();
        backend.0
    }

    /// A service that refuses connections until it is let listen.
    pub(crate) fn away(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Self, Door) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}/ask", socket.local_addr().unwrap()).parse().unwrap();
        let inner = Arc::new(Inner { script: Box::new(script), asked: watch::Sender::new(Vec::new()) });
        (Self { url, inner: inner.clone() }, Door(Some(socket), inner))
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// A handler that asks it.
    pub(crate) fn handler(&self, timeout: Duration, secret: Option<&Secret>) -> HttpHandler {
        HttpHandler::new(self.url.clone(), timeout, secret, http_client().unwrap()).unwrap()
    }

    /// A handler that asks it as a model, with settings made by `adjust`.
    pub(crate) fn chat(&self, adjust: impl FnOnce(&mut ChatSettings)) -> ChatHandler {
        let mut settings = ChatSettings::new(self.url.join("/v1").unwrap(), "fake");
        adjust(&mut settings);
        ChatHandler::new(settings, http_client().unwrap()).unwrap()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.borrow().clone()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn until_asked(&self, n: usize) {
        let mut news = self.inner.asked.subscribe();
        within(&format!("the service is asked {n} times"), news.wait_for(|asked| asked.len() >= n))
            .await
            .unwrap();
    }
}

/// Behind it a service waits to be let in.
pub(crate) struct Door(Option<TcpSocket>, Arc<Inner>);

impl Door {
    pub(crate) fn listen(&mut self) {
        let listener: TcpListener = self.0.take().expect("it listens once").listen(64).unwrap();
        let app = Router::new().route("/ask", post(ask)).route("/v1/chat/completions", post(ask));
        let app = app.with_state(self.1.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
    }
}

async fn ask(State(inner): State<Arc<Inner>>, headers: HeaderMap, bytes: Bytes) -> Response {
    let body = serde_json::from_slice(&bytes).unwrap();
    let asked = Asked { at: Instant::now(), headers, bytes, body };
    let Answer { status, headers, body, after } = (inner.script)(&asked);
    inner.asked.send_modify(|all| all.push(asked));
    tokio::time::sleep(after).await;
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
