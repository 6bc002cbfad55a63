//! As much of HTTP/1.1 as a load generator needs: one message at a time on a connection that is kept, its length announced.

use std::io::{Error, ErrorKind};
use std::ops::Range;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// The longest head or body that is read, in bytes.
const MESSAGE_MAX_BYTES: usize = 1024 * 1024;

/// A connection's bytes as they came: at most one message, since nothing is pipelined.
#[derive(Default)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
}

/// Where the parts of a message lie.
pub(crate) struct Parts {
    head: Range<usize>,
    body: Range<usize>,
}

impl Reader {
    /// Reads the next message to its end; `None` if the other side has closed before it.
    pub(crate) async fn next(&mut self, stream: &mut TcpStream) -> std::io::Result<Option<Parts>> {
        self.bytes.clear();
        let mut parts: Option<Parts> = None;
        loop {
            if parts.is_none()
                && let Some(end) = self.bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n")
            {
                let body = end + 4..end + 4 + content_length(&self.bytes[..end])?;
                parts = Some(Parts { head: 0..end, body });
            }
            if let Some(parts) = parts.take_if(|parts| self.bytes.len() >= parts.body.end) {
                return Ok(Some(parts));
            }
            if self.bytes.len() > MESSAGE_MAX_BYTES {
                return Err(Error::new(ErrorKind::InvalidData, "a message is too long"));
            }
            if stream.read_buf(&mut self.bytes).await? == 0 {
                return match self.bytes.is_empty() {
                    true => Ok(None),
                    false => Err(ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }

    /// The first line: what is asked, or the status.
    pub(crate) fn first_line(&self, parts: &Parts) -> &str {
        let head = &self.bytes[parts.head.clone()];
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        std::str::from_utf8(line).unwrap_or_default()
    }

    pub(crate) fn body(&self, parts: &Parts) -> &[u8] {
        &self.bytes[parts.body.clone()]
    }
}

fn content_length(head: &[u8]) -> std::io::Result<usize> {
    const NAME: &[u8] = b"content-length:";
    let is_it = |line: &&[u8]| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME);
    let Some(line) = head.split(|byte| *byte == b'\n').find(is_it) else {
        return Ok(0);
    };
    let value = std::str::from_utf8(&line[NAME.len()..]).ok().and_then(|value| value.trim().parse().ok());
    value.ok_or_else(|| Error::new(ErrorKind::InvalidData, "a message has no readable length"))
}
