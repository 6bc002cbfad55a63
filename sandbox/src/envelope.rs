//! What goes around a body on one try: the signed query, the body as it is posted, and the answer as far as it is read.
//!
//! Each try gets a new envelope, since its timestamp, nonce and signature are new, and in the encrypted modes its random
//! bytes too: no two tries of a push are alike on the wire, though the message inside is the same.

use bytes::{Bytes, BytesMut};
use huixin_wechat::envelope::{seal, to_xml};
use huixin_wechat::sign;
use reqwest::header;
use url::Url;

use crate::{Mode, OpenId, SandboxAccount, clock};

/// An answer longer than this is not read to its end, and is no valid reply.
pub(crate) const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// One try's query and body.
pub(crate) struct Envelope {
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Envelope {
    /// The body as the account's mode sends it.
    pub(crate) fn around(account: &SandboxAccount, user: &OpenId, body: Bytes) -> Envelope {
        let timestamp = clock::unix_secs().to_string();
        let nonce = rand::random_range(100_000_000_u64..2_000_000_000).to_string();
        let mut query = vec![
            ("signature", sign(&[&account.token, &timestamp, &nonce])),
            ("timestamp", timestamp.clone()),
            ("nonce", nonce.clone()),
            ("openid", user.as_str().to_owned()),
        ];
        let Some(key) = account.sealing_key() else { return Envelope { query, body } };
        let encrypt = seal(key, &account.app_id, &body);
        query.push(("encrypt_type", "aes".to_owned()));
        query.push(("msg_signature", sign(&[&account.token, &timestamp, &nonce, &encrypt])));
        let body = match account.mode {
            Mode::Compatible => with_encrypt(&body, &encrypt),
            _ => to_xml(&account.original_id, &encrypt).into(),
        };
        Envelope { query, body }
    }

    /// The request that WeChat makes with it.
    pub(crate) fn request(self, client: &reqwest::Client, receiver: &Url) -> reqwest::RequestBuilder {
        let request = client.post(self.address(receiver)).header(header::CONTENT_TYPE, "text/xml");
        let request = request.header(header::USER_AGENT, "Mozilla/4.0").header(header::ACCEPT, "*/*");
        request.header(header::PRAGMA, "no-cache").body(self.body)
    }

    /// The receiver's address with the query added to whatever query it has of its own.
    pub(crate) fn address(&self, receiver: &Url) -> Url {
        let mut url = receiver.clone();
        url.query_pairs_mut().extend_pairs(&self.query);
        url
    }
}

/// The whole answer, or `None` when it is too long.
pub(crate) async fn read_answer(mut answer: reqwest::Response) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// Compatible mode: the plain elements stay, and `Encrypt` comes behind them.
fn with_encrypt(body: &Bytes, encrypt: &str) -> Bytes {
    const END: &[u8] = b"</xml>";
    let open = body.trim_ascii_end().strip_suffix(END).unwrap_or(body);
    [open, b"<Encrypt><![CDATA[", encrypt.as_bytes(), b"]]></Encrypt>", END].concat().into()
}
