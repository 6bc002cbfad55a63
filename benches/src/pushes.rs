//! Pushes as WeChat makes them, ready to be written to a connection.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use huixin_wechat::envelope::{seal_with, to_xml};
use huixin_wechat::{AesKey, sign};

/// Every text is filled up to this body, in bytes: what design and tests reckon with.
const BODY_BYTES: usize = 450;
const TO: &str = "gh_a96a4a619366";
/// In the text before the push's number, of nine digits.
pub const NUMBER_MARK: char = '#';
/// In the text before the time of sending, of sixteen digits: Unix microseconds.
pub const TIME_MARK: char = '@';
const TIME_DIGITS: usize = 16;

/// A series of pushes: no two of them have the same number.
#[derive(Clone, Debug)]
pub struct Series {
    /// Where they go: `/wechat/main`, or `/wechat/a{}` for many accounts.
    pub path: String,
    /// How many accounts take turns.
    pub accounts: usize,
    /// How many users take turns. A multiple of `accounts` gives each user one account.
    pub users: usize,
    /// The number of the first.
    pub first: usize,
    /// The accounts' token.
    pub token: String,
    /// Key and app id for safe mode; without them the mode is plain.
    pub sealed: Option<(String, String)>,
}

/// One request, whole.
#[derive(Debug)]
pub struct Request {
    bytes: Vec<u8>,
    time_at: Option<usize>,
}

impl Series {
    /// The first `count` of them.
    ///
    /// # Errors
    /// When the AES key can't be read.
    pub fn requests(&self, count: usize) -> anyhow::Result<Vec<Request>> {
        let key = match &self.sealed {
            Some((key, app_id)) => Some((AesKey::decode(key).context("the AES key")?, app_id.as_str())),
            None => None,
        };
        let created = now_us() / 1_000_000;
        Ok((self.first..self.first + count).map(|n| self.request(n, created, key.as_ref())).collect())
    }

    fn request(&self, n: usize, created: u64, key: Option<&(AesKey, &str)>) -> Request {
        let (timestamp, nonce) = (created.to_string(), "20261128");
        let mut query = format!(
            "signature={}&timestamp={timestamp}&nonce={nonce}&openid={}",
            sign(&[&self.token, &timestamp, nonce]),
            self.user(n)
        );
        let mut body = self.body(n, created);
        if let Some((key, app_id)) = key {
            // The same random bytes each time: what is measured doesn't depend on them.
            let sealed = seal_with(key, app_id, body.as_bytes(), *b"0123456789abcdef");
            let signature = sign(&[&self.token, &timestamp, nonce, &sealed]);
            query += &format!("&encrypt_type=aes&msg_signature={signature}");
            body = to_xml(TO, &sealed);
        }
        let path = self.path.replace("{}", &(n % self.accounts).to_string());
        let head = format!(
            "POST {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let time_at = key.is_none().then(|| head.len() + body.find(TIME_MARK).map_or(0, |at| at + 1));
        Request { bytes: [head, body].concat().into(), time_at }
    }

    fn body(&self, n: usize, created: u64) -> String {
        let user = self.user(n);
        let text = format!("请查一下工单 {NUMBER_MARK}{n:09} {TIME_MARK}{:016} 现在到哪里了", 0);
        let body = |fill: &str| {
            format!(
                "<xml><ToUserName><![CDATA[{TO}]]></ToUserName><FromUserName><![CDATA[{user}]]></FromUserName>\
                 <CreateTime>{created}</CreateTime><MsgType><![CDATA[text]]></MsgType>\
                 <Content><![CDATA[{text}{fill}]]></Content><MsgId>{}</MsgId></xml>",
                24_801_004_000_000_000 + n
            )
        };
        let bare = body("").len();
        body(&".".repeat(BODY_BYTES.saturating_sub(bare)))
    }

    fn user(&self, n: usize) -> String {
        format!("oHuixinBench{:016}", n % self.users)
    }
}

impl Request {
    /// Its bytes, with the time of sending in them if they aren't sealed.
    pub(crate) fn stamped(&mut self) -> &[u8] {
        if let Some(at) = self.time_at {
            let digits = format!("{:0TIME_DIGITS$}", now_us());
            self.bytes[at..at + TIME_DIGITS].copy_from_slice(digits.as_bytes());
        }
        &self.bytes
    }
}

/// The digits behind a mark, where a text has it.
pub(crate) fn marked(text: &[u8], mark: char) -> Option<u64> {
    let mark = u8::try_from(mark).ok()?;
    let is_digit = |at: &usize| text.get(*at).is_some_and(u8::is_ascii_digit);
    let at = (0..text.len()).find(|at| text[*at] == mark && is_digit(&(at + 1)))? + 1;
    let digits = &text[at..(at..text.len()).find(|at| !is_digit(at)).unwrap_or(text.len())];
    std::str::from_utf8(digits).ok()?.parse().ok()
}

pub(crate) fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}
