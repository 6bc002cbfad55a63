//! A reply in the encrypted modes. In safe mode WeChat takes no other; an empty body or `success` goes unsealed.

use super::write::Out;
use crate::envelope::{AesKey, RANDOM_BYTES, seal, seal_with};
use crate::signature::sign;

/// What a reply is sealed with.
#[derive(Clone, Copy, derive_more::Debug)]
pub struct Sealer<'a> {
    /// The account's token, in the clear.
    #[debug(skip)]
    pub token: &'a str,
    /// The key that opened the push: while keys are rotated, WeChat may still use the previous one.
    #[debug(skip)]
    pub key: &'a AesKey,
    /// The account's AppID.
    pub app_id: &'a str,
}

impl Sealer<'_> {
    /// Seals a reply's XML: `Encrypt`, `MsgSignature`, `TimeStamp` and `Nonce`, as WeChat's documentation has them.
    /// `timestamp` is now, in Unix seconds; `nonce` is usually the push's.
    pub fn seal(&self, reply: &str, timestamp: u64, nonce: &str) -> String {
        self.envelope(&seal(self.key, self.app_id, reply.as_bytes()), timestamp, nonce)
    }

    /// [`seal`](Sealer::seal) with given random bytes, so that the result is known: for tests and vectors only.
    pub fn seal_with(&self, reply: &str, timestamp: u64, nonce: &str, random: [u8; RANDOM_BYTES]) -> String {
        self.envelope(&seal_with(self.key, self.app_id, reply.as_bytes(), random), timestamp, nonce)
    }

    fn envelope(&self, encrypt: &str, timestamp: u64, nonce: &str) -> String {
        let signature = sign(&[self.token, &timestamp.to_string(), nonce, encrypt]);
        let mut out = Out(String::new());
        out.group("xml", |out| {
            out.text("Encrypt", encrypt);
            out.text("MsgSignature", &signature);
            out.number("TimeStamp", timestamp);
            out.text("Nonce", nonce);
        });
        out.0
    }
}
