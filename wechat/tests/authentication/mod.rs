//! Authentication: what is sealed, what is opened, who is let in, and who isn't.

mod admit;
mod envelope;
mod forgeries;
mod reply;
mod respond;
mod round_trip;

use huixin_wechat::{AesKey, PushKeys, PushQuery, sign};
use serde_json::Value;

const TOKEN: &str = "mytoken2024";
const APP_ID: &str = "wx0123456789abcdef";
const KEY: &str = "b7Qm2VxT9cLwZ0hRkEoUyJ4sNfPd6gAiWq1XtMv3BzE";
const OTHER_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

/// One list of the vectors.
fn vectors(list: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../testdata/vectors.json")).unwrap();
    all[list].as_array().unwrap().clone()
}

/// A text of a vector.
fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap_or_else(|| panic!("no {name} in {vector}"))
}

fn random(vector: &Value) -> [u8; 16] {
    text(vector, "random16").as_bytes().try_into().unwrap()
}

fn key(text: &str) -> AesKey {
    AesKey::decode(text).unwrap()
}

fn sealed_keys() -> PushKeys {
    PushKeys {
        tokens: vec![TOKEN.into()],
        aes_keys: vec![key(KEY)],
        app_id: APP_ID.to_owned(),
        accept_plain: false,
    }
}

fn plain_keys() -> PushKeys {
    PushKeys { aes_keys: Vec::new(), ..sealed_keys() }
}

/// The query of a push in plain mode.
fn plain_query(token: &str) -> PushQuery {
    let signature = sign(&[token, "1718000010", "738219456"]);
    PushQuery::parse(&format!("signature={signature}&timestamp=1718000010&nonce=738219456&openid=oA"))
        .unwrap()
}

/// The query of a push in an encrypted mode.
fn sealed_query(token: &str, encrypt: &str) -> PushQuery {
    let msg_signature = Some(sign(&[token, "1718000010", "738219456", encrypt]));
    PushQuery { encrypt_type: Some("aes".to_owned()), msg_signature, ..plain_query(token) }
}
