//! A try in which WeChat closes the connection itself, at a chosen place. No HTTP client can be made to do that, so the
//! request is written by hand, and only without TLS.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::{Position, Url};

use crate::HangUp;

/// As much of an answer is read at the most.
const MAX_READ_BYTES: u64 = 256 * 1024;

/// Posts, and hangs up. What was answered is not looked at.
pub(super) async fn post(url: &Url, body: &[u8], how: HangUp) -> io::Result<()> {
    if url.scheme() != "http" {
        return Err(io::Error::other("only http: can be hung up on"));
    }
    let authority = &url[Position::BeforeHost..Position::AfterPort];
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: Mozilla/4.0\r\nAccept: */*\r\n\
         Content-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(&*url.socket_addrs(|| None)?).await?;
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    match how {
        HangUp::Before(after) => tokio::time::sleep(after).await,
        // What is left unread makes this a reset, as when a client dies.
        HangUp::Within => _ = stream.read_u8().await?,
        HangUp::After => {
            stream.take(MAX_READ_BYTES).read_to_end(&mut Vec::new()).await?;
        }
    }
    Ok(())
}
