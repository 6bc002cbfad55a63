//! The language model behind a `chat` route: it is asked as OpenAI's is, and does as a test says.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// What a model is asked.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) model: String,
    /// The key, as it came.
    pub(crate) authorization: Option<String>,
    /// Role and content, in order.
    pub(crate) messages: Vec<(String, String)>,
}

/// Starts a model on a port of its own, which lives as long as the test's runtime. Gives its base URL. `answers` says what it
/// answers, or why it refuses to.
pub(crate) async fn model<F>(answers: impl Fn(Prompt) -> F + Send + Sync + 'static) -> String
where
    F: Future<Output = Result<String, String>> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a loopback port can be bound");
    let url = format!("http://{}/v1", listener.local_addr().expect("a bound listener has an address"));
    let answers: Arc<Answers> = Arc::new(move |prompt| Box::pin(answers(prompt)));
    let routes = Router::new().route("/v1/chat/completions", post(answer)).with_state(answers);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

type Answers = dyn Fn(Prompt) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> + Send + Sync;

async fn answer(
    State(answers): State<Arc<Answers>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = body["messages"].as_array().into_iter().flatten();
    let prompt = Prompt {
        model: text(&body["model"]),
        authorization: headers.get("authorization").and_then(|key| Some(key.to_str().ok()?.to_owned())),
        messages: messages.map(|message| (text(&message["role"]), text(&message["content"]))).collect(),
    };
    match answers(prompt).await {
        Ok(said) => {
            let message = json!({"role": "assistant", "content": said});
            Json(json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))
                .into_response()
        }
        Err(why) => (StatusCode::BAD_REQUEST, Json(json!({"error": {"message": why}}))).into_response(),
    }
}
