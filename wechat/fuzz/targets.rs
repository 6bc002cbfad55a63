//! What is fuzzed: each function takes any bytes and panics where a promise is broken.
//!
//! They are used twice. cargo-fuzz drives them with libFuzzer (`fuzz_targets/`, for long runs), and `tests/seeds.rs`
//! with the seeds beside this, on the stable toolchain and in every test run. So a finding becomes a seed, and stays
//! found. Never panicking is the first promise; each target has others besides, since a fuzzer that only waits for a
//! crash finds little in a language without them.

use aes::Aes256;
use aes::cipher::{Block, BlockModeEncrypt, KeyIvInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use huixin_wechat::envelope::{self, encrypt_of};
use huixin_wechat::xml::{self, Element};
use huixin_wechat::{AesKey, Message, PushBody, PushKeys, PushQuery, admit, body, json, sign};
use serde_json::Value;

const TOKEN: &str = "mytoken2024";
const APP_ID: &str = "wx0123456789abcdef";
/// The key of all zeros, and what it decodes to.
const KEY_TEXT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const KEY: [u8; 32] = [0; 32];

/// A query is read, or refused; what was read can be written and read again, and no signature fits by chance.
pub(crate) fn query(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let Ok(query) = PushQuery::parse(&raw) else { return };
    assert!(!query.is_signed_with(&["a token that no seed knows", ""]));
    assert!(!query.is_sealed_with(&["a token that no seed knows", ""], &raw));
    assert_eq!(PushQuery::parse(&write_query(&query)), Ok(query));
}

/// A tree that was read is the same after it was written and read again, and never exceeds the limits.
pub(crate) fn xml(data: &[u8]) {
    for body in [data, &[b"<xml>", data, b"</xml>"].concat()] {
        if let Ok(tree) = xml::parse(body) {
            check(&tree);
            assert_eq!(xml::parse(tree.write().as_bytes()), Ok(tree));
        }
    }
}

/// What serde_json reads, this reads too, and equally; what was read is the same after it was written and read again.
pub(crate) fn json(data: &[u8]) {
    json_body(data);
    json_body(&[b"{\"a\":", data, b"}"].concat());
}

fn json_body(data: &[u8]) {
    let read = json::parse(data);
    if let Ok(tree) = &read {
        check(tree);
        let written = tree.to_json();
        if written.is_object() {
            assert_eq!(json::parse(written.to_string().as_bytes()).map(|tree| tree.to_json()), Ok(written));
        }
    }
    if let Ok(Value::Object(object)) = serde_json::from_slice(data) {
        let object = Value::Object(object);
        match read {
            Ok(tree) => assert!(covers(&tree, &object), "{object} became {tree:?}"),
            Err(error) => assert!(
                matches!(error, json::JsonError::TooDeep { .. } | json::JsonError::TooMany { .. }),
                "{object} is refused: {error}"
            ),
        }
    }
}

/// The bytes as an envelope, as the text in it, as ciphertext, as what the ciphertext hides, and as a message.
pub(crate) fn envelope(data: &[u8]) {
    let key = AesKey::decode(KEY_TEXT).expect("43 letters");
    let open = |encrypt: &str| envelope::open(&key, APP_ID, encrypt);
    let _ = encrypt_of(data);
    let _ = open(&String::from_utf8_lossy(data));
    let _ = open(&STANDARD.encode(data));

    // Behind the decryption: whatever is inside, what is opened was inside.
    if let Ok(message) = open(&encrypt(data)) {
        assert_eq!(data.get(20..20 + message.len()), Some(&message[..]));
    }

    let sealed = envelope::seal_with(&key, APP_ID, data, *b"0123456789abcdef");
    assert_eq!(open(&sealed).as_deref(), Ok(data));
    assert!(envelope::open(&key, "wx0123456789abcdeF", &sealed).is_err());
    let keys = keys(Vec::from([key.clone()]));
    for shell in [envelope::to_xml("gh_a", &sealed), envelope::to_json("gh_a", &sealed)] {
        let query = sealed_query(&sealed);
        let inner = admit(&keys, &query, shell.as_bytes());
        assert_eq!(inner, Ok(PushBody::Opened { body: data.to_vec(), key: 0 }));
        assert!(admit(&keys, &PushQuery { nonce: "2".to_owned(), ..query }, shell.as_bytes()).is_err());
    }
}

/// From a body to all that is made of it: the decision, the tree, the types, the dedup key, the JSON.
pub(crate) fn message(data: &[u8]) {
    if let Ok(encrypt) = encrypt_of(data) {
        let keys = keys(Vec::from([AesKey::decode(KEY_TEXT).expect("43 letters")]));
        let _ = admit(&keys, &sealed_query(&encrypt), data);
        assert!(admit(&keys, &plain_query(), data).is_err());
    }
    assert!(admit(&keys(Vec::new()), &plain_query(), data).is_ok());
    message_body(data);
    message_body(&[b"<xml><FromUserName>o</FromUserName><MsgType>event</MsgType>", data, b"</xml>"].concat());
}

fn message_body(data: &[u8]) {
    let Ok(parsed) = body::parse(data) else { return };
    check(&parsed.tree);
    let message = Message::from_tree(parsed.tree);
    let key = message.dedup_key("main", data);
    assert_eq!(key, message.dedup_key("main", data));
    assert_eq!(key.opaque_id().len(), 23);
    let _ = (message.trigger(), message.typed_json(), message.tree.to_json(), message.tree.write());
    assert_eq!(Message::parse(data), Ok(message));
}

/// The limits of a tree, and that it holds only what XML allows.
fn check(tree: &Element) {
    fn measure(element: &Element, depth: usize, elements: &mut usize) {
        assert!(depth <= 16, "deeper than the limit");
        *elements += 1;
        let forbidden = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || c == '\u{FFFF}';
        assert!(!element.text.contains(forbidden) && !element.name.contains(forbidden));
        element.children.iter().for_each(|child| measure(child, depth + 1, elements));
    }
    let mut elements = 0;
    measure(tree, 1, &mut elements);
    assert!(elements <= 4096, "more than the limit");
}

/// Whether the tree has what the object has. Repeated members are only in the tree, and some texts are mended there.
fn covers(tree: &Element, value: &Value) -> bool {
    match value {
        Value::Object(object) => object.iter().all(|(name, value)| {
            let named = |name: &str| tree.children.iter().filter(move |c| c.name == name).collect::<Vec<_>>();
            let name: String = name.chars().filter(|c| !is_dropped(*c)).collect();
            match value {
                Value::Array(values) => {
                    values.iter().all(|value| named(&name).iter().any(|child| covers(child, value)))
                }
                value => named(&name).iter().any(|child| covers(child, value)),
            }
        }),
        Value::Array(values) => {
            let items: Vec<_> = tree.children.iter().collect();
            items.len() == values.len() && items.iter().zip(values).all(|(item, value)| covers(item, value))
        }
        Value::String(text) => {
            tree.text.chars().eq(text.chars().filter(|c| !is_dropped(*c))) && tree.children.is_empty()
        }
        // serde_json is exact only up to 64 bits.
        Value::Number(number) if number.is_f64() => {
            let (ours, theirs) =
                (tree.text.parse::<f64>().unwrap_or(f64::NAN), number.as_f64().unwrap_or(0.0));
            (ours - theirs).abs() <= theirs.abs() * 1e-12
        }
        Value::Number(number) => tree.text == number.to_string(),
        Value::Bool(flag) => tree.text == flag.to_string(),
        Value::Null => tree.text.is_empty(),
    }
}

fn is_dropped(c: char) -> bool {
    (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{FFFE}' | '\u{FFFF}')
}

fn keys(aes_keys: Vec<AesKey>) -> PushKeys {
    PushKeys { tokens: Vec::from([TOKEN.into()]), aes_keys, app_id: APP_ID.to_owned(), accept_plain: false }
}

fn plain_query() -> PushQuery {
    PushQuery {
        signature: sign(&[TOKEN, "1718000010", "1"]),
        timestamp: "1718000010".to_owned(),
        nonce: "1".to_owned(),
        echostr: None,
        openid: None,
        encrypt_type: None,
        msg_signature: None,
    }
}

fn sealed_query(encrypt: &str) -> PushQuery {
    let msg_signature = Some(sign(&[TOKEN, "1718000010", "1", encrypt]));
    PushQuery { encrypt_type: Some("aes".to_owned()), msg_signature, ..plain_query() }
}

fn write_query(query: &PushQuery) -> String {
    let mut raw = url::form_urlencoded::Serializer::new(String::new());
    raw.append_pair("signature", &query.signature).append_pair("timestamp", &query.timestamp);
    raw.append_pair("nonce", &query.nonce);
    for (key, value) in [
        ("echostr", &query.echostr),
        ("openid", &query.openid),
        ("encrypt_type", &query.encrypt_type),
        ("msg_signature", &query.msg_signature),
    ] {
        raw.extend_pairs(value.iter().map(|value| (key, value)));
    }
    raw.finish()
}

/// The bytes encrypted as they are, without head, AppID or padding; up to a whole number of blocks.
fn encrypt(plain: &[u8]) -> String {
    let mut bytes = plain[..plain.len() / 16 * 16].to_vec();
    let mut cipher = cbc::Encryptor::<Aes256>::new(&KEY.into(), &[0; 16].into());
    for block in bytes.chunks_exact_mut(16) {
        cipher.encrypt_block(<&mut Block<Aes256>>::try_from(block).expect("16 bytes"));
    }
    STANDARD.encode(bytes)
}
