//! Pushes as WeChat makes them, each on a connection of its own, and the moments of their responses.
//!
//! The pretend WeChat isn't used: it notes whole milliseconds, and reads a response to its end before it looks at the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use huixin_wechat::sign;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PATIENCE, Stack};

/// Who pushes for one account.
#[derive(Clone)]
pub(super) struct Pusher {
    port: u16,
    account: &'static str,
    token: String,
}

/// What came of a push.
#[derive(Debug)]
pub(super) struct Response {
    /// How long it took to the first byte of its response.
    pub(super) took: Duration,
    /// When that was there.
    pub(super) first_byte: Instant,
    /// All of it, head and body.
    text: String,
}

impl Pusher {
    pub(super) fn of(stack: &Stack, account: &'static str, token: &str) -> Self {
        Self { port: stack.receiver_port, account, token: token.to_owned() }
    }

    /// Pushes message `n`, of a user of its own.
    pub(super) async fn push(&self, n: u64) -> Response {
        let began = Instant::now();
        let pushed = tokio::time::timeout(PATIENCE, self.exchange(n)).await;
        let (first_byte, text) = pushed.expect("it is answered in time").expect("its connection lasts");
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        Response { took: first_byte - began, first_byte, text }
    }

    async fn exchange(&self, n: u64) -> std::io::Result<(Instant, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        stream.write_all(self.request(n).as_bytes()).await?;
        let mut bytes = Vec::with_capacity(1024);
        stream.read_buf(&mut bytes).await?;
        let first_byte = Instant::now();
        stream.read_to_end(&mut bytes).await?;
        Ok((first_byte, String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn request(&self, n: u64) -> String {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let (Self { port, account, token }, user) = (self, format!("o{}User{n:010}", self.account));
        let signature = sign(&[token, &now_s.to_string(), "20261129"]);
        let body = format!(
            "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>\
             <CreateTime>{now_s}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{account} {n}]]></Content>\
             <MsgId>{}</MsgId></xml>",
            24_801_004_000_000_000 + n
        );
        format!(
            "POST /wechat/{account}?signature={signature}&timestamp={now_s}&nonce=20261129&openid={user} HTTP/1.1\r\n\
             Host: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Response {
    pub(super) fn says(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}
