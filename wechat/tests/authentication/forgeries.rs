use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use huixin_wechat::envelope::{EnvelopeError, SealedError, seal, seal_with, to_json, to_xml};
use huixin_wechat::{PushQuery, PushRefusal, QueryError, admit};

use super::*;

const PLAIN: &str =
    "<xml><ToUserName>gh_a</ToUserName><FromUserName>oA</FromUserName><MsgType>text</MsgType></xml>";

fn sealed_as(key_text: &str, app_id: &str) -> String {
    seal(&key(key_text), app_id, PLAIN.as_bytes())
}

fn signed(msg_signature: &str) -> PushQuery {
    let msg_signature = Some(msg_signature.to_owned());
    PushQuery { encrypt_type: Some("aes".to_owned()), msg_signature, ..plain_query(TOKEN) }
}

#[test]
fn every_forgery_is_refused() {
    let ours = sealed_as(KEY, APP_ID);
    let another_push = sealed_as(KEY, APP_ID);
    let good = sign(&[TOKEN, "1718000010", "738219456", &ours]);
    let of_plain = sign(&[TOKEN, "1718000010", "738219456"]);
    let aes = |query: PushQuery| PushQuery { encrypt_type: Some("aes".to_owned()), ..query };
    let raw = PushQuery { encrypt_type: Some("raw".to_owned()), ..plain_query(TOKEN) };
    let other_app = sealed_as(KEY, "wxffffffffffffffff");
    let longer_app = sealed_as(KEY, &format!("{APP_ID}0"));
    let other_key = sealed_as(OTHER_KEY, APP_ID);
    let compat = PLAIN.replace("</xml>", &format!("<Encrypt>{ours}</Encrypt></xml>"));
    let two = format!("<xml><Encrypt>{ours}</Encrypt><Encrypt>{another_push}</Encrypt></xml>");
    let missing = PushRefusal::Envelope(EnvelopeError::Missing);

    for (what, query, body, refusal) in [
        ("a plain push", plain_query(TOKEN), PLAIN.to_owned(), PushRefusal::Plain),
        ("a plain push that says raw", raw, PLAIN.to_owned(), PushRefusal::Plain),
        ("a plain body under aes", aes(plain_query(TOKEN)), PLAIN.to_owned(), PushRefusal::NoMsgSignature),
        ("… with signature as msg_signature", signed(&of_plain), PLAIN.to_owned(), missing.clone()),
        ("… with another push's msg_signature", signed(&good), PLAIN.to_owned(), missing.clone()),
        ("… in JSON", signed(&good), "{\"MsgType\":\"text\"}".to_owned(), missing),
        ("an envelope under a plain query", plain_query(TOKEN), to_xml("gh_a", &ours), PushRefusal::Plain),
        ("… in compatible mode", plain_query(TOKEN), compat, PushRefusal::Plain),
        ("signature as msg_signature", signed(&of_plain), to_xml("gh_a", &ours), PushRefusal::Signature),
        (
            "a body under another's query",
            signed(&good),
            to_xml("gh_a", &another_push),
            PushRefusal::Signature,
        ),
        ("… in JSON", signed(&good), to_json("gh_a", &another_push), PushRefusal::Signature),
        ("two bodies in one", signed(&good), two, PushRefusal::Envelope(EnvelopeError::Doubled)),
        (
            "another account's push",
            sealed_query("another token", &other_key),
            to_xml("gh_b", &other_key),
            PushRefusal::Signature,
        ),
        (
            "another account's AppID",
            sealed_query(TOKEN, &other_app),
            to_xml("gh_a", &other_app),
            PushRefusal::Sealed(SealedError::AppId),
        ),
        (
            "an AppID that begins like ours",
            sealed_query(TOKEN, &longer_app),
            to_xml("gh_a", &longer_app),
            PushRefusal::Sealed(SealedError::AppId),
        ),
        ("no signature at all", aes(plain_query(TOKEN)), to_xml("gh_a", &ours), PushRefusal::NoMsgSignature),
        ("an empty signature", signed(""), to_xml("gh_a", &ours), PushRefusal::Signature),
        ("a short signature", signed(&good[..39]), to_xml("gh_a", &ours), PushRefusal::Signature),
        ("a long signature", signed(&format!("{good}0")), to_xml("gh_a", &ours), PushRefusal::Signature),
        ("not hex", signed(&format!("{}g", &good[..39])), to_xml("gh_a", &ours), PushRefusal::Signature),
        ("not ASCII", signed(&format!("{}é", &good[..38])), to_xml("gh_a", &ours), PushRefusal::Signature),
    ] {
        assert_eq!(admit(&sealed_keys(), &query, body.as_bytes()), Err(refusal), "{what}");
    }
    // What they were made from is genuine.
    assert!(admit(&sealed_keys(), &signed(&good), to_xml("gh_a", &ours).as_bytes()).is_ok());
    assert!(admit(&sealed_keys(), &signed(&good.to_uppercase()), to_xml("gh_a", &ours).as_bytes()).is_ok());
}

#[test]
fn a_doubled_signature_is_no_query() {
    for (key, raw) in [
        ("msg_signature", "signature=a&timestamp=1&nonce=2&msg_signature=b&msg_signature=b"),
        ("msg_signature", "signature=a&timestamp=1&nonce=2&msg_signature=b&msg%5Fsignature=c"),
        ("encrypt_type", "signature=a&timestamp=1&nonce=2&encrypt_type=aes&encrypt_type=raw"),
        ("signature", "signature=a&signature=b&timestamp=1&nonce=2&msg_signature=b"),
    ] {
        assert_eq!(PushQuery::parse(raw), Err(QueryError::Doubled(key)));
    }
}

#[test]
fn a_ciphertext_that_was_changed_after_signing_is_refused_by_its_signature() {
    let encrypt = sealed_as(KEY, APP_ID);
    let query = sealed_query(TOKEN, &encrypt);
    for damaged in damaged(&STANDARD.decode(&encrypt).unwrap()) {
        let damaged = STANDARD.encode(damaged);
        let outcome = admit(&sealed_keys(), &query, to_xml("gh_a", &damaged).as_bytes());
        assert_eq!(outcome, Err(PushRefusal::Signature));
    }
    // And every digit of the signature counts.
    let good = query.msg_signature.unwrap();
    for index in 0..good.len() {
        let digit = if good[index..].starts_with('0') { "1" } else { "0" };
        let wrong = signed(&format!("{}{digit}{}", &good[..index], &good[index + 1..]));
        let outcome = admit(&sealed_keys(), &wrong, to_xml("gh_a", &encrypt).as_bytes());
        assert_eq!(outcome, Err(PushRefusal::Signature), "{index}");
    }
}

/// One who knows the token but not the key can sign anything. CBC doesn't authenticate, so a change can go unseen where
/// nothing checks it (the random bytes, the text); whatever it does, nothing panics, and the AppID and the padding hold.
#[test]
fn a_ciphertext_that_was_changed_before_signing_is_refused_where_it_shows_and_never_panics() {
    let encrypt = seal_with(&key(KEY), APP_ID, PLAIN.as_bytes(), *b"0123456789abcdef");
    let bytes = STANDARD.decode(&encrypt).unwrap();
    for damaged in damaged(&bytes) {
        let last_blocks_are_whole =
            damaged.len() == bytes.len() && damaged.ends_with(&bytes[bytes.len() - 48..]);
        let damaged = STANDARD.encode(damaged);
        let query = sealed_query(TOKEN, &damaged);
        let outcome = admit(&sealed_keys(), &query, to_xml("gh_a", &damaged).as_bytes());
        assert!(last_blocks_are_whole || matches!(outcome, Err(PushRefusal::Sealed(_))), "{outcome:?}");
    }
}

/// Cut at every length, extended, and with each bit changed of every byte of the first block, the third, and the last
/// three, which hold the AppID and the padding.
fn damaged(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..bytes.len()).map(|end| bytes[..end].to_vec()).collect();
    for extra in [1, 15, 16, 17, 32] {
        all.push([bytes, &vec![0; extra]].concat());
        all.push([bytes, &bytes[..extra]].concat());
    }
    let blocks = [0..16, 32..48, bytes.len() - 48..bytes.len()];
    for at in blocks.into_iter().flatten() {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            all.push(flipped);
        }
    }
    all
}
