//! Signatures and queries, by the vectors of WeChat's documentation and our own.

use huixin_wechat::{PushQuery, QueryError, sign};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../testdata/vectors.json")).unwrap()
}

fn query(signature: &str, timestamp: &str, nonce: &str) -> PushQuery {
    PushQuery::parse(&format!("signature={signature}&timestamp={timestamp}&nonce={nonce}")).unwrap()
}

#[test]
fn every_url_verification_vector_is_genuine_and_keeps_its_echostr() {
    for v in vectors()["url_verify"].as_array().unwrap() {
        let text = |name: &str| v[name].as_str().unwrap();
        let raw = format!(
            "signature={}&echostr={}&timestamp={}&nonce={}",
            text("signature"),
            text("echostr"),
            text("timestamp"),
            text("nonce")
        );
        let query = PushQuery::parse(&raw).unwrap();
        assert!(query.is_signed_with(&[text("token")]), "{}", text("name"));
        assert_eq!(query.echostr.as_deref(), Some(text("echostr")));
        assert!(text("sorted_concat").contains(text("token")));
    }
}

#[test]
fn every_push_vector_is_genuine_by_both_signatures() {
    // UV-4, a plain push of the documentation; UV-5 and UV-6 are the queries of SM-5 and SM-6.
    assert!(
        query("899cf89e464efb63f54ddac96b0a0a235f53aa78", "1714037059", "486452656")
            .is_signed_with(&["AAAAA"])
    );
    for v in vectors()["safe_mode"].as_array().unwrap() {
        let text = |name: &str| v[name].as_str().unwrap();
        let (token, timestamp, nonce) = (text("token"), text("timestamp"), text("nonce"));
        assert!(query(text("signature"), timestamp, nonce).is_signed_with(&[token]), "{}", text("name"));
        assert_eq!(sign(&[token, timestamp, nonce, text("encrypt")]), text("msg_signature"));
    }
}

#[test]
fn a_changed_digit_a_padded_token_and_a_short_signature_are_refused() {
    let good = "bb44435b20f679bb5fe75b2720d4a1a2c11bccdd";
    let at =
        |signature: &str, token: &str| query(signature, "1718000001", "738219456").is_signed_with(&[token]);
    assert!(at(good, "mytoken2024"));
    assert!(at(&good.to_uppercase(), "mytoken2024"));
    for index in 0..40 {
        let mut bad = good.to_owned().into_bytes();
        bad[index] = if bad[index] == b'0' { b'1' } else { b'0' };
        assert!(!at(std::str::from_utf8(&bad).unwrap(), "mytoken2024"), "{index}");
    }
    for bad in
        ["", &good[..39], &format!("{good}0"), &format!("{}g", &good[..39]), &format!("{}é", &good[..38])]
    {
        assert!(!at(bad, "mytoken2024"), "{bad}");
    }
    for token in ["mytoken2024 ", "mytoken202", ""] {
        assert!(!at(good, token), "{token}");
    }
}

#[test]
fn an_empty_token_fits_nothing() {
    let forged = sign(&["", "1", "2"]);
    assert!(!query(&forged, "1", "2").is_signed_with(&[""]));
    assert!(!query(&forged, "1", "2").is_signed_with(&[]));
}

#[test]
fn any_of_several_tokens_fits_while_one_is_rotated() {
    let query = query("bb44435b20f679bb5fe75b2720d4a1a2c11bccdd", "1718000001", "738219456");
    assert!(query.is_signed_with(&["new", "mytoken2024"]));
    assert!(query.is_signed_with(&["mytoken2024", "new"]));
    assert!(!query.is_signed_with(&["new", "newer"]));
}

#[test]
fn the_order_of_timestamp_and_nonce_does_not_matter_to_a_sorted_signature() {
    assert!(
        query("bb44435b20f679bb5fe75b2720d4a1a2c11bccdd", "738219456", "1718000001")
            .is_signed_with(&["mytoken2024"])
    );
}

#[test]
fn a_missing_or_doubled_key_is_named() {
    for (raw, error) in [
        ("", QueryError::Missing("signature")),
        ("timestamp=1&nonce=2", QueryError::Missing("signature")),
        ("signature=1&nonce=2", QueryError::Missing("timestamp")),
        ("signature=1&timestamp=2", QueryError::Missing("nonce")),
        ("signature=1&timestamp=2&nonce=3&nonce=3", QueryError::Doubled("nonce")),
        ("signature=1&timestamp=2&nonce=3&%6Eonce=3", QueryError::Doubled("nonce")),
        ("signature=1&timestamp=2&nonce=3&openid=a&openid=b", QueryError::Doubled("openid")),
        ("signature=1&timestamp=2&nonce=3&echostr=&echostr=", QueryError::Doubled("echostr")),
    ] {
        assert_eq!(PushQuery::parse(raw), Err(error), "{raw}");
    }
}

#[test]
fn unknown_keys_are_tolerated_and_values_decoded_once() {
    let query = PushQuery::parse(
        "mine=1&mine=2&signature=s&timestamp=1&nonce=n%2541+x&openid=oA-b_c&encrypt_type=aes&msg_signature=m&&flag",
    )
    .unwrap();
    assert_eq!(
        query,
        PushQuery {
            signature: "s".into(),
            timestamp: "1".into(),
            nonce: "n%41 x".into(),
            echostr: None,
            openid: Some("oA-b_c".into()),
            encrypt_type: Some("aes".into()),
            msg_signature: Some("m".into()),
        }
    );
}
