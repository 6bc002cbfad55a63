use huixin_wechat::envelope::{self, EnvelopeError, SealedError, encrypt_of, open, seal, seal_with};
use huixin_wechat::{BodyError, Message, PushBody, PushKeys, PushQuery, PushRefusal, admit};

use super::*;

fn keys_of(vector: &Value) -> PushKeys {
    PushKeys {
        tokens: vec![text(vector, "token").into()],
        aes_keys: vec![key(text(vector, "encoding_aes_key"))],
        app_id: text(vector, "appid").to_owned(),
        accept_plain: false,
    }
}

fn query_of(vector: &Value) -> PushQuery {
    let field = |name| text(vector, name);
    // It comes in every mode; a vector that lacks it is about something else.
    let right = sign(&[field("token"), field("timestamp"), field("nonce")]);
    let signature = vector["signature"].as_str().unwrap_or(&right);
    PushQuery::parse(&format!(
        "signature={signature}&timestamp={}&nonce={}&encrypt_type=aes&msg_signature={}",
        field("timestamp"),
        field("nonce"),
        field("msg_signature"),
    ))
    .unwrap()
}

#[test]
fn every_vector_is_sealed_opened_signed_and_let_in() {
    for vector in vectors("safe_mode") {
        let field = |name| text(&vector, name);
        let (key, app_id, plain) = (key(field("encoding_aes_key")), field("appid"), field("plaintext"));
        let name = field("name");
        assert_eq!(seal_with(&key, app_id, plain.as_bytes(), random(&vector)), field("encrypt"), "{name}");
        assert_eq!(open(&key, app_id, field("encrypt")).as_deref(), Ok(plain.as_bytes()), "{name}");
        assert_eq!(encrypt_of(field("envelope").as_bytes()).as_deref(), Ok(field("encrypt")), "{name}");

        let query = query_of(&vector);
        assert!(query.is_sealed_with(&[field("token")], field("encrypt")), "{name}");
        let inner = admit(&keys_of(&vector), &query, field("envelope").as_bytes());
        assert_eq!(inner, Ok(PushBody::Opened { body: plain.as_bytes().to_vec(), key: 0 }), "{name}");
        let shell = envelope::to_json("gh_0123456789ab", field("encrypt"));
        assert_eq!(admit(&keys_of(&vector), &query, shell.as_bytes()), inner, "{name}, in JSON");
        assert!(!Message::parse(plain.as_bytes()).unwrap().from.is_empty(), "{name}");
    }
}

#[test]
fn every_negative_vector_is_refused() {
    let sealed = PushRefusal::Sealed;
    let expected = [
        sealed(SealedError::AppId),
        sealed(SealedError::Padding),
        sealed(SealedError::MessageLength),
        sealed(SealedError::Length { bytes: 16 }),
        sealed(SealedError::Length { bytes: 33 }),
        PushRefusal::Signature,
    ];
    let vectors = vectors("negative");
    assert_eq!(vectors.len(), expected.len());
    for (vector, refusal) in vectors.iter().zip(expected) {
        let shell = envelope::to_xml("gh_0123456789ab", text(vector, "encrypt"));
        let outcome = admit(&keys_of(vector), &query_of(vector), shell.as_bytes());
        assert_eq!(outcome, Err(refusal), "{}", text(vector, "name"));
    }
}

#[test]
fn a_seal_is_never_the_same_twice_and_opens_at_every_length() {
    let key = key(KEY);
    for length in 0..200 {
        let message: Vec<u8> = (0..length).map(|n| u8::try_from(n).unwrap()).collect();
        let (one, two) = (seal(&key, APP_ID, &message), seal(&key, APP_ID, &message));
        assert_ne!(one, two);
        assert_eq!(open(&key, APP_ID, &one), Ok(message.clone()));
        assert_eq!(open(&key, APP_ID, &two), Ok(message));
    }
}

#[test]
fn base64_is_read_strictly() {
    let key = key(KEY);
    let good = seal(&key, APP_ID, b"x");
    assert!(good.ends_with('='), "64 bytes");
    let bare = good.trim_end_matches('=');
    for bad in [bare.to_owned(), format!("{good}="), format!("{good}\n"), format!(" {good}"), "é".to_owned()]
    {
        assert_eq!(open(&key, APP_ID, &bad), Err(SealedError::Base64), "{bad:?}");
    }
    assert_eq!(open(&key, APP_ID, ""), Err(SealedError::Length { bytes: 0 }));
}

#[test]
fn without_an_app_id_nothing_is_opened() {
    let nobodys = seal(&key(KEY), "", b"x");
    assert_eq!(open(&key(KEY), "", &nobodys), Err(SealedError::AppId));
}

#[test]
fn an_envelope_has_one_encrypt_directly_inside() {
    for (body, expected) in [
        ("<xml><ToUserName>gh_a</ToUserName><Encrypt><![CDATA[ab]]></Encrypt></xml>", Ok("ab")),
        // A third-party platform's has AppId; pretty-printed, with blanks around the text.
        ("<xml>\n    <AppId>wx</AppId>\n    <Encrypt>\n a<![CDATA[b]]>\n</Encrypt>\n</xml>\n", Ok("ab")),
        ("{\"Encrypt\":\"ab\"}", Ok("ab")),
        ("{\"Encrypt\":[\"ab\"]}", Ok("ab")),
        ("<xml><Encrypt/></xml>", Ok("")),
        ("<xml><encrypt>ab</encrypt></xml>", Err(EnvelopeError::Missing)),
        ("<xml><a><Encrypt>ab</Encrypt></a></xml>", Err(EnvelopeError::Missing)),
        ("{\"a\":{\"Encrypt\":\"ab\"}}", Err(EnvelopeError::Missing)),
        ("<xml><Encrypt>ab</Encrypt><Encrypt>ab</Encrypt></xml>", Err(EnvelopeError::Doubled)),
        ("{\"Encrypt\":\"ab\",\"Encrypt\":\"cd\"}", Err(EnvelopeError::Doubled)),
        ("{\"Encrypt\":[\"ab\",\"cd\"]}", Err(EnvelopeError::Doubled)),
        ("<xml><Encrypt>ab<a/></Encrypt></xml>", Err(EnvelopeError::NotText)),
        ("{\"Encrypt\":{\"a\":\"b\"}}", Err(EnvelopeError::NotText)),
    ] {
        assert_eq!(encrypt_of(body.as_bytes()), expected.map(str::to_owned), "{body}");
    }
    for body in ["", "hello", "<html/>", "{", "[]", "<!DOCTYPE xml><xml><Encrypt>ab</Encrypt></xml>"] {
        let error = encrypt_of(body.as_bytes()).unwrap_err();
        assert!(matches!(error, EnvelopeError::Unreadable(BodyError::Xml(_) | BodyError::Json(_))), "{body}");
    }
}
