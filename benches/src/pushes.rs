//! Pushes as WeChat makes them, ready to be written to a connection.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use huixin_wechat::envelope::{seal_with, to_xml};
use huixin_wechat::{AesKey, sign};

/// The body in bytes that design and tests reckon with.
pub const BODY_BYTES: usize = 450;
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
    /// Every text is filled up to a body of so many bytes, if it has fewer.
    pub body_bytes: usize,
}

/// Makes the requests of a series, with what is the same in all of them.
#[derive(Debug)]
pub(crate) struct Maker {
    series: Series,
    key: Option<(AesKey, String)>,
    created: u64,
    signature: String,
}

/// One request, whole.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) number: usize,
    bytes: Vec<u8>,
    time_at: Option<usize>,
}

const NONCE: &str = "20261128";

impl Series {
    /// # Errors
    /// When the AES key can't be read.
    pub(crate) fn maker(self) -> anyhow::Result<Maker> {
        let key = match self.sealed.clone() {
            Some((key, app_id)) => Some((AesKey::decode(&key).context("the AES key")?, app_id)),
            None => None,
        };
        let created = now_us() / 1_000_000;
        let signature = sign(&[&self.token, &created.to_string(), NONCE]);
        Ok(Maker { series: self, key, created, signature })
    }
}

impl Maker {
    /// The push of this number.
    pub(crate) fn request(&self, number: usize) -> Request {
        let Self { series, key, created, signature } = self;
        let mut query =
            format!("signature={signature}&timestamp={created}&nonce={NONCE}&openid={}", self.user(number));
        let mut body = self.body(number);
        if let Some((key, app_id)) = key {
            // The same random bytes each time: what is measured doesn't depend on them.
            let sealed = seal_with(key, app_id, body.as_bytes(), *b"0123456789abcdef");
            let signature = sign(&[&series.token, &created.to_string(), NONCE, &sealed]);
            query += &format!("&encrypt_type=aes&msg_signature={signature}");
            body = to_xml(TO, &sealed);
        }
        let path = series.path.replace("{}", &(number % series.accounts).to_string());
        let head = format!(
            "POST {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let time_at = key.is_none().then(|| head.len() + body.find(TIME_MARK).map_or(0, |at| at + 1));
        Request { number, bytes: [head, body].concat().into(), time_at }
    }

    fn body(&self, n: usize) -> String {
        let (user, created) = (self.user(n), self.created);
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
        body(&".".repeat(self.series.body_bytes.saturating_sub(bare)))
    }

    fn user(&self, n: usize) -> String {
        format!("oHuixinBench{:016}", n % self.series.users)
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
