//! The transcript over HTTP: a page of it, or a stream of server-sent events.
//!
//! The event's id is the entry's `seq`, so a browser that reconnects by itself reads on where it was. A place beyond the
//! newest entry can only come from an earlier run of the sandbox; such a reader starts anew.

use std::convert::Infallible;

use axum::{
    Json,
    extract::{Query, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;

use crate::{Entry, Transcript, served::Served};

/// How many entries one page may have.
const MAX_PAGE: usize = 10_000;

#[derive(Deserialize)]
pub(super) struct Place {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

pub(super) async fn transcript(State(served): State<Served>, Query(place): Query<Place>) -> Response {
    let limit = place.limit.unwrap_or(1_000).min(MAX_PAGE);
    let transcript = served.sandbox.transcript();
    let entries = transcript.some_after(start(transcript, place.after), limit);
    let entries: Vec<&Entry> = entries.iter().map(AsRef::as_ref).collect();
    Json(json!({ "newest": transcript.newest(), "entries": entries })).into_response()
}

pub(super) async fn events(
    State(served): State<Served>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let transcript = served.sandbox.transcript();
    let entries = transcript.subscribe(start(transcript, seen.unwrap_or(place.after)));
    let events = entries.map(|entry| Ok::<_, Infallible>(event(&entry)));
    Sse::new(events.take_until(served.stopping.cancelled_owned())).keep_alive(KeepAlive::default())
}

fn start(transcript: &Transcript, after: u64) -> u64 {
    if after > transcript.newest() { 0 } else { after }
}

fn event(entry: &Entry) -> Event {
    let event = Event::default().id(entry.seq.to_string());
    // An entry is made of strings and finite numbers, so it always has a JSON form; a comment keeps the stream whole.
    event.json_data(entry).unwrap_or_else(|_| Event::default().comment("an entry without a JSON form"))
}
