//! A WeChat that knows one account and follows a script.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use huixin_wechat::{Client, ClientConfig, http_client};
use url::Url;

/// The AppSecret of every client here: long and odd, so that it can be searched for.
pub(crate) const APP_SECRET: &str = "appsecret-5f1c-do-not-show";

/// What the pretend WeChat does. Change it through [`Pretend::set`].
#[derive(Clone)]
pub(crate) struct Orders {
    /// The one token that is valid.
    pub(crate) valid: String,
    /// The token that stable_token gives; that is the valid one unless told otherwise.
    pub(crate) given: Option<String>,
    pub(crate) expires_in: String,
    /// An answer of stable_token instead of a token.
    pub(crate) token_answer: Option<(u16, String)>,
    pub(crate) token_delay: Duration,
    /// An answer of the sending calls, once the token is right.
    pub(crate) send_answer: (u16, String),
    /// A file that media/get gives instead of that.
    pub(crate) file: Option<Bytes>,
    pub(crate) send_delay: Duration,
    /// The `Date` of stable_token's answers.
    pub(crate) date: Option<&'static str>,
}

impl Default for Orders {
    fn default() -> Self {
        Orders {
            valid: "token-1-do-not-show".to_owned(),
            given: None,
            expires_in: "7200".to_owned(),
            token_answer: None,
            token_delay: Duration::ZERO,
            send_answer: (200, r#"{"errcode":0,"errmsg":"ok"}"#.to_owned()),
            file: None,
            send_delay: Duration::ZERO,
            date: None,
        }
    }
}

/// A request to one of the calls that need a token.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) path: &'static str,
    pub(crate) content_type: String,
    pub(crate) user_agent: String,
    pub(crate) body: String,
    pub(crate) bytes: Bytes,
    /// Its query, without the token.
    pub(crate) query: String,
    /// Whether its token was right.
    pub(crate) taken: bool,
}

/// The running server.
pub(crate) struct Pretend {
    pub(crate) base: Url,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    orders: Mutex<Orders>,
    fetches: AtomicUsize,
    fetch_bodies: Mutex<Vec<String>>,
    sent: Mutex<Vec<Sent>>,
}

impl Pretend {
    pub(crate) async fn start(change: impl FnOnce(&mut Orders)) -> Pretend {
        let inner = Arc::new(Inner::default());
        let app = Router::new()
            .route("/cgi-bin/stable_token", post(stable_token))
            .route("/cgi-bin/message/custom/send", post(|s, q, h, b| sending("send", s, q, h, b)))
            .route("/cgi-bin/message/custom/typing", post(|s, q, h, b| sending("typing", s, q, h, b)))
            .route("/cgi-bin/media/upload", post(|s, q, h, b| sending("upload", s, q, h, b)))
            .route("/cgi-bin/media/get", get(|s, q, h, b| sending("get", s, q, h, b)))
            .with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let pretend = Pretend { base, inner };
        pretend.set(change);
        pretend
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.inner.orders.lock().unwrap());
    }

    /// How often stable_token was called.
    pub(crate) fn fetches(&self) -> usize {
        self.inner.fetches.load(Ordering::SeqCst)
    }

    pub(crate) fn fetch_bodies(&self) -> Vec<String> {
        self.inner.fetch_bodies.lock().unwrap().clone()
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.inner.sent.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> Client {
        client(self.base.clone(), Duration::from_secs(5))
    }
}

/// A client of whatever listens at `base`.
pub(crate) fn client(base: Url, timeout: Duration) -> Client {
    super::secrecy::listen();
    // Already installed by another test of this process: as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new(ClientConfig {
        app_id: "wx0123456789abcdef".to_owned(),
        app_secret: APP_SECRET.into(),
        api_base: base,
        timeout,
        http: http_client().unwrap(),
    })
}

async fn stable_token(State(inner): State<Arc<Inner>>, body: String) -> Response {
    inner.fetches.fetch_add(1, Ordering::SeqCst);
    inner.fetch_bodies.lock().unwrap().push(body);
    let orders = inner.orders.lock().unwrap().clone();
    tokio::time::sleep(orders.token_delay).await;
    let (status, answer) = match orders.token_answer {
        Some((status, answer)) => (StatusCode::from_u16(status).unwrap(), answer),
        None => {
            let token = orders.given.unwrap_or(orders.valid);
            let expires_in = orders.expires_in;
            (StatusCode::OK, format!(r#"{{"access_token":"{token}","expires_in":{expires_in}}}"#))
        }
    };
    (status, orders.date.map(|date| [("date", date)]), answer).into_response()
}

async fn sending(
    path: &'static str,
    State(inner): State<Arc<Inner>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let orders = inner.orders.lock().unwrap().clone();
    let header =
        |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let query = query.unwrap_or_default();
    let (token, query) = query.split_once('&').unwrap_or((&query, ""));
    let taken = token == format!("access_token={}", orders.valid);
    inner.sent.lock().unwrap().push(Sent {
        path,
        content_type: header("content-type"),
        user_agent: header("user-agent"),
        body: String::from_utf8_lossy(&body).into_owned(),
        bytes: body,
        query: query.to_owned(),
        taken,
    });
    tokio::time::sleep(orders.send_delay).await;
    if !taken {
        return r#"{"errcode":40001,"errmsg":"invalid credential, access_token is invalid or not latest rid: 66f0-1"}"#
            .into_response();
    }
    match orders.file.filter(|_| path == "get") {
        Some(file) => file.into_response(),
        None => {
            let (status, answer) = orders.send_answer;
            (StatusCode::from_u16(status).unwrap(), answer).into_response()
        }
    }
}
