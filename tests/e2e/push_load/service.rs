//! A service that notes when it has answered, and a WeChat API that notes when a send arrives.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::harness::PATIENCE;

const BODY_MAX_BYTES: usize = 64 * 1024;
/// How long the API takes for a send: less than any that is reached over the Internet.
pub(super) const API_TAKES: Duration = Duration::from_millis(5);

#[derive(Clone)]
pub(super) struct Service {
    pub(super) url: String,
    takes: Duration,
    answered: Moments<String>,
    sent: Moments<u64, Sent>,
}

type Moments<K, T = Instant> = Arc<watch::Sender<HashMap<K, T>>>;

/// A send at the API.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) arrived: Instant,
    pub(super) responded: Instant,
}

impl Service {
    /// One that takes so long for each answer.
    pub(super) async fn start(takes: Duration) -> Self {
        let listener =
            tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let service = Self { url, takes, answered: Arc::default(), sent: Arc::default() };
        let routes = Router::new()
            .route("/answer", post(answer))
            .route("/cgi-bin/message/custom/send", post(send))
            .fallback(async || {
                Json(json!({"errcode": 0, "errmsg": "ok", "access_token": "a", "expires_in": 7200}))
            })
            .with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        service
    }

    /// When each message was answered, by its text.
    pub(super) fn answered(&self) -> HashMap<String, Instant> {
        self.answered.borrow().clone()
    }

    /// The send of the answer to each message, by the message's number, once there are so many.
    pub(super) async fn sent(&self, count: usize) -> HashMap<u64, Sent> {
        let mut sent = self.sent.subscribe();
        let all = tokio::time::timeout(PATIENCE, sent.wait_for(|sent| sent.len() >= count)).await;
        all.expect("all answers are sent").expect("the service lasts").clone()
    }
}

async fn answer(State(service): State<Service>, Json(asked): Json<Value>) -> String {
    let content = asked["content"].as_str().unwrap_or_default().to_owned();
    tokio::time::sleep(service.takes).await;
    let answer = format!("answer to {content}");
    let now = Instant::now();
    service.answered.send_modify(|answered| _ = answered.insert(content, now));
    answer
}

async fn send(State(service): State<Service>, body: Body) -> Json<Value> {
    // As with a response, the first byte counts.
    let arrived = Instant::now();
    let body = to_bytes(body, BODY_MAX_BYTES).await.expect("it is read");
    let body: Value = serde_json::from_slice(&body).expect("it is JSON");
    let n = body["text"]["content"].as_str().and_then(|text| text.rsplit(' ').next()?.parse().ok());
    tokio::time::sleep(API_TAKES).await;
    let send = Sent { arrived, responded: Instant::now() };
    service.sent.send_modify(|sent| _ = sent.insert(n.expect("only answers are sent"), send));
    Json(json!({"errcode": 0, "errmsg": "ok"}))
}
