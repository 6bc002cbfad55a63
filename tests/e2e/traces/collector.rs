//! A collector of traces: what processes post to it, read as OTLP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use prost::Message as _;
use tokio::sync::watch;

use crate::harness::PATIENCE;

/// A collector on a port of its own, which lives as long as the test's runtime.
#[derive(Clone)]
pub(super) struct Collector {
    spans: Arc<watch::Sender<Vec<Collected>>>,
    /// All that was posted.
    posts: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    pub(super) url: String,
}

/// A span, its ids in hexadecimal.
#[derive(Clone, Debug)]
pub(super) struct Collected {
    pub(super) service: String,
    pub(super) name: String,
    pub(super) trace: String,
    pub(super) id: String,
    /// Empty: it is the first of its trace.
    pub(super) parent: String,
    pub(super) attributes: BTreeMap<String, String>,
    /// From its start to its end, in nanoseconds since 1970.
    pub(super) time: (u64, u64),
}

impl Collector {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port can be bound");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let collector = Self { spans: Arc::new(watch::Sender::new(Vec::new())), posts: Arc::default(), url };
        let routes = Router::new().route("/v1/traces", post(collect)).with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        collector
    }

    /// Waits until the spans are as the test wants them, and gives them in the order of their starts.
    pub(super) async fn wait_until(&self, holds: impl Fn(&[Collected]) -> bool) -> Vec<Collected> {
        let mut spans = self.spans.subscribe();
        let came = tokio::time::timeout(PATIENCE, spans.wait_for(|spans| holds(spans))).await;
        let came = came.map(|spans| spans.expect("the sender is ours").clone());
        let mut spans = came.unwrap_or_else(|_| panic!("they never came: {:#?}", self.spans.borrow()));
        spans.sort_by_key(|span| span.time.0);
        spans
    }

    /// Everything that was posted, as text, whatever it is.
    pub(super) fn everything(&self) -> String {
        let posts = self.posts.lock().expect("no holder panics");
        posts.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }

    /// The values of a header, of all posts.
    pub(super) fn headers(&self, name: &str) -> Vec<String> {
        let posts = self.posts.lock().expect("no holder panics");
        let value = |(headers, _): &(HeaderMap, Bytes)| headers.get(name)?.to_str().ok().map(str::to_owned);
        posts.iter().filter_map(value).collect()
    }
}

async fn collect(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body.clone()).expect("it is OTLP");
    collector.posts.lock().expect("no holder panics").push((headers, body));
    let mut collected = Vec::new();
    for of_resource in request.resource_spans {
        let of_process = attributes(of_resource.resource.expect("it names its process").attributes);
        for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            collected.push(Collected {
                service: of_process["service.name"].clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: attributes(span.attributes),
                time: (span.start_time_unix_nano, span.end_time_unix_nano),
            });
        }
    }
    collector.spans.send_modify(|spans| spans.extend(collected));
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Some(any_value::Value::StringValue(text)) => text,
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(value)) => value.to_string(),
        other => format!("{other:?}"),
    };
    pairs.into_iter().map(|pair| (pair.key, text(pair.value.and_then(|value| value.value)))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
