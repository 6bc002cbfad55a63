//! HTTP/1.1 without TLS, one connection for each request under way; ten thousand may wait for minutes.
//!
//! **What waits is small**: the socket, and what the protocol must know to read the answer. What was sent is dropped when
//! it is sent, and memory to read into is taken when there is something to read. hyper has 8 KiB to read and 8 to write for
//! every connection, and 9 for the queue to the task that drives it; one of them can be configured.
//!
//! **What is whose**: `ureq-proto` has the protocol, without input and output; hyper-util connects (names, several addresses,
//! keep-alive); this file moves the bytes between them. A connection that breaks under a request is a failed attempt of the
//! route. The exception is a connection kept from an earlier request that breaks before it gives a byte: the service has
//! closed it, as services do, and the request is made once more on a new one. If the service saw the first request after all,
//! it knows the second by its `Idempotency-Key`; a model has no such key, and is asked the same twice.

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, HeaderMap, HeaderValue, USER_AGENT};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tower_service::Service as _;
use ureq_proto::BodyMode;
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};
use ureq_proto::http::{Request, Uri};
use url::Url;

use super::idle::IdleConnections;
use super::{HttpResponse, TransportError};
use crate::handlers::body::BODY_MAX_BYTES;

const CLOSED: &str = "the connection was closed before there was an answer";
const AGENT: &str = concat!("huixin/", env!("CARGO_PKG_VERSION"));
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// A peer that is gone without a word is noticed after a minute, however long the service may think.
const KEEP_ALIVE: (Duration, u32) = (Duration::from_secs(15), 3);
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);
/// How much is read at once.
const READ_BYTES: usize = 8 * 1024;
/// The longest head of an answer, and the most bytes of the protocol between two pieces of a body.
const HEAD_MAX_BYTES: usize = 64 * 1024;

/// One service without TLS.
pub(super) struct PlainService {
    uri: Uri,
    connector: HttpConnector,
    idle: IdleConnections,
}

/// A connection with something to read; and whether all of the request was sent.
type AskedConnection = (HttpConnection, io::Result<()>);

struct HttpConnection {
    stream: TcpStream,
    /// Read and not used yet.
    received: BytesMut,
}

impl PlainService {
    /// A way to the URL's host; `None` if it needs TLS or a password.
    pub(super) fn to(url: &Url) -> Option<Self> {
        if url.scheme() != "http" || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let uri = url.as_str().parse().ok()?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_MAX));
        connector.set_nodelay(true);
        connector.set_keepalive(Some(KEEP_ALIVE.0));
        connector.set_keepalive_interval(Some(KEEP_ALIVE.0));
        connector.set_keepalive_retries(Some(KEEP_ALIVE.1));
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
        Some(Self { uri, connector, idle: IdleConnections::default() })
    }

    /// Posts a body and reads the whole answer.
    pub(super) async fn post(
        &self,
        headers: HeaderMap,
        body: String,
    ) -> Result<HttpResponse, TransportError> {
        let (bytes, call) = self.request(headers, &body)?;
        drop(body);
        let asked = match self.idle.take() {
            Some(stream) => HttpConnection::on(stream).ask_again(&bytes).await,
            None => None,
        };
        let (mut connection, sent) = match asked {
            Some(asked) => {
                drop(bytes);
                asked
            }
            None => self.ask_anew(bytes).await?,
        };
        // Boxed, so that what waits above doesn't hold the room for reading.
        let answer = Box::pin(connection.receive(call)).await;
        match (answer, sent) {
            (Ok((answer, reusable)), sent) => {
                if reusable && sent.is_ok() {
                    self.idle.put(connection.stream);
                }
                Ok(answer)
            }
            (Err(TransportError::Broken(_)), Err(sent)) => Err(TransportError::broken(sent)),
            (Err(error), _) => Err(error),
        }
    }

    /// Asks on a new connection.
    async fn ask_anew(&self, bytes: Vec<u8>) -> Result<AskedConnection, TransportError> {
        let stream = self.connector.clone().call(self.uri.clone()).await.map_err(TransportError::broken)?;
        HttpConnection::on(stream.into_inner()).ask(bytes).await
    }

    /// The request's bytes, and how to read what is answered.
    fn request(
        &self,
        headers: HeaderMap,
        body: &str,
    ) -> Result<(Vec<u8>, Box<Call<RecvResponse>>), TransportError> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        let headers = request.headers_mut();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let lines: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let room = 1024 + 2 * self.uri.to_string().len() + lines;

        let mut bytes = vec![0; room];
        let mut call = Call::new(request).map_err(TransportError::broken)?.proceed();
        let written = call.write(&mut bytes).map_err(TransportError::broken)?;
        bytes.truncate(written);
        bytes.extend_from_slice(body.as_bytes());
        let call = match call.proceed().map_err(TransportError::broken)? {
            Some(SendRequestResult::SendBody(mut call)) => {
                call.consume_direct_write(body.len()).map_err(TransportError::broken)?;
                call.proceed()
            }
            Some(SendRequestResult::RecvResponse(call)) => Some(call),
            Some(SendRequestResult::Await100(_)) | None => None,
        };
        let call = call.ok_or_else(|| TransportError::broken("the request's head can't be written"))?;
        Ok((bytes, Box::new(call)))
    }
}

impl HttpConnection {
    fn on(stream: TcpStream) -> Self {
        Self { stream, received: BytesMut::new() }
    }

    /// Sends the request, drops what was sent, and waits for the first byte of the answer.
    async fn ask(mut self, bytes: Vec<u8>) -> Result<AskedConnection, TransportError> {
        let sent = self.send(&bytes).await;
        drop(bytes);
        if self.received.is_empty() {
            self.stream.readable().await.map_err(TransportError::broken)?;
        }
        Ok((self, sent))
    }

    /// The same on a connection that was used before; `None` if it was closed before it gave a byte.
    async fn ask_again(mut self, bytes: &[u8]) -> Option<AskedConnection> {
        let sent = self.send(bytes).await;
        let answers = !self.received.is_empty() || self.fill().await.unwrap_or(false);
        answers.then_some((self, sent))
    }

    /// Sends the request, unless the service answers before it has the whole. After an error there may still be an answer
    /// to read.
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (reading, mut writing) = self.stream.split();
        let mut sending = pin!(writing.write_all(bytes));
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => return sent,
                ready = reading.readable() => ready?,
            }
            match reading.try_read_buf(&mut self.received) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(_) => return Err(io::Error::other("the service did not read the whole request")),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads an answer, and tells whether the connection can be used again.
    async fn receive(
        &mut self,
        mut call: Box<Call<RecvResponse>>,
    ) -> Result<(HttpResponse, bool), TransportError> {
        let head = loop {
            let (used, head) = call.try_response(&self.received, false).map_err(TransportError::broken)?;
            self.received.advance(used);
            match head {
                Some(head) => break head,
                // An interim answer, behind which the next may stand already.
                None if used > 0 => {}
                None => self.read_more(CLOSED).await?,
            }
        };
        let mut body = Vec::new();
        let must_close = match call.proceed() {
            Some(RecvResponseResult::RecvBody(call)) => self.receive_body(call, &mut body).await?,
            Some(RecvResponseResult::Redirect(call)) => call.must_close_connection(),
            Some(RecvResponseResult::Cleanup(call)) => call.must_close_connection(),
            None => true,
        };
        let (head, ()) = head.into_parts();
        let reusable = !must_close && self.received.is_empty();
        Ok((HttpResponse { status: head.status, headers: head.headers, body }, reusable))
    }

    /// Reads the answer's body, and tells whether the connection must be closed.
    async fn receive_body(
        &mut self,
        mut call: Call<RecvBody>,
        body: &mut Vec<u8>,
    ) -> Result<bool, TransportError> {
        let until_closed = call.body_mode() == BodyMode::CloseDelimited;
        let mut piece = vec![0; READ_BYTES];
        loop {
            let (used, given) = call.read(&self.received, &mut piece).map_err(TransportError::broken)?;
            self.received.advance(used);
            body.extend_from_slice(&piece[..given]);
            if body.len() > BODY_MAX_BYTES {
                return Err(TransportError::TooLong);
            }
            if !until_closed && call.can_proceed() {
                break;
            }
            if used > 0 {
                continue;
            }
            if until_closed {
                if !self.fill().await? {
                    break;
                }
            } else {
                self.read_more("the connection was closed before the answer was complete").await?;
            }
        }
        Ok(match call.proceed() {
            Some(RecvBodyResult::Redirect(call)) => call.must_close_connection(),
            Some(RecvBodyResult::Cleanup(call)) => call.must_close_connection(),
            None => true,
        })
    }

    /// Reads more of what can't be used yet.
    async fn read_more(&mut self, closed: &'static str) -> Result<(), TransportError> {
        if self.received.len() > HEAD_MAX_BYTES {
            return Err(TransportError::broken("the answer's head is too long"));
        }
        if self.fill().await? { Ok(()) } else { Err(TransportError::broken(closed)) }
    }

    /// Reads what there is, once there is something; `false` at the end.
    async fn fill(&mut self) -> Result<bool, TransportError> {
        loop {
            self.stream.readable().await.map_err(TransportError::broken)?;
            self.received.reserve(READ_BYTES);
            match self.stream.try_read_buf(&mut self.received) {
                Ok(read) => return Ok(read > 0),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(TransportError::broken(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
