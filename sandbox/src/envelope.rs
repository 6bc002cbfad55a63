//! What goes around a body on one try: the signed query, and the body as it is posted.
//!
//! An envelope is made anew for each try, because its timestamp, nonce and signature are. The compatible and the safe mode
//! belong here as two more constructors beside [`Envelope::plain`]: they replace the body too, with fresh random bytes on
//! each try, and add `encrypt_type` and `msg_signature` to the query. Nothing outside this module would change.

use bytes::Bytes;
use url::Url;

use crate::{Account, OpenId, clock};

/// One try's query and body.
pub(crate) struct Envelope {
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Envelope {
    /// Plain mode: the body as it is, and a signature that doesn't cover it.
    pub(crate) fn plain(account: &Account, user: &OpenId, body: Bytes) -> Envelope {
        let timestamp = clock::unix_secs().to_string();
        let nonce = rand::random_range(100_000_000_u64..2_000_000_000).to_string();
        let signature = huixin_wechat::signature::sign(&[&account.token, &timestamp, &nonce]);
        let query = vec![
            ("signature", signature),
            ("timestamp", timestamp),
            ("nonce", nonce),
            ("openid", user.as_str().to_owned()),
        ];
        Envelope { query, body }
    }

    /// The receiver's address with the query added to whatever query it has of its own.
    pub(crate) fn address(&self, receiver: &Url) -> Url {
        let mut url = receiver.clone();
        url.query_pairs_mut().extend_pairs(&self.query);
        url
    }
}
