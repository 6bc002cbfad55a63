use huixin_wechat::passive::{Form, PassiveReplyError, respond};
use huixin_wechat::{Message, PushBody, PushQuery, admit, envelope, xml};

use super::*;

const NOW: u64 = 1_718_000_011;
const INNER: &str =
    "<xml><ToUserName>gh_a</ToUserName><FromUserName>oA</FromUserName><MsgType>text</MsgType></xml>";
const ANSWER: &str = "<xml><ToUserName><![CDATA[oA]]></ToUserName><FromUserName><![CDATA[gh_a]]></FromUserName>\
    <CreateTime>1718000011</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[收到]]></Content></xml>";

/// The response to a push, once it is let in.
fn answer(keys: &PushKeys, query: &PushQuery, body: &str) -> Result<String, PassiveReplyError> {
    let (body, opened_with) = match admit(keys, query, body.as_bytes()).unwrap() {
        PushBody::Plain => (body.as_bytes().to_vec(), None),
        PushBody::Opened { body, key } => (body, Some(key)),
        PushBody::Sealed => panic!("there is no key"),
    };
    let form = Form::Text { content: "收到".to_owned() };
    respond(keys, opened_with, query, &Message::parse(&body).unwrap(), form, NOW)
}

/// What is in a response, as WeChat opens it with this token and this key.
fn opened(body: &str, token: &str, aes_key: &str) -> String {
    let tree = xml::parse(body.as_bytes()).unwrap();
    let encrypt = envelope::encrypt_of(body.as_bytes()).unwrap();
    // The nonce is the push's, the time is that of the answer.
    assert_eq!(tree.text_of("Nonce"), Some("738219456"));
    assert_eq!(tree.text_of("TimeStamp"), Some("1718000011"));
    let expected = sign(&[token, "1718000011", "738219456", &encrypt]);
    assert_eq!(tree.text_of("MsgSignature"), Some(expected.as_str()));
    String::from_utf8(envelope::open(&key(aes_key), APP_ID, &encrypt).unwrap()).unwrap()
}

#[test]
fn a_push_in_plain_mode_is_answered_in_clear_also_while_an_account_changes_mode() {
    let changing = PushKeys { accept_plain: true, ..sealed_keys() };
    for keys in [plain_keys(), changing] {
        assert_eq!(answer(&keys, &plain_query(TOKEN), INNER), Ok(ANSWER.to_owned()));
    }
}

#[test]
fn a_push_in_safe_or_compatible_mode_in_xml_or_json_gets_sealed_xml() {
    let json = r#"{"ToUserName":"gh_a","FromUserName":"oA","MsgType":"text"}"#;
    for inner in [INNER, json] {
        let encrypt = envelope::seal(&key(KEY), APP_ID, inner.as_bytes());
        let (as_xml, as_json) = (envelope::to_xml("gh_a", &encrypt), envelope::to_json("gh_a", &encrypt));
        // Compatible mode has the message in clear beside it.
        let compatible = as_xml.replace("<Encrypt>", "<MsgType>text</MsgType><Encrypt>");
        for body in [as_xml, as_json, compatible] {
            let response = answer(&sealed_keys(), &sealed_query(TOKEN, &encrypt), &body).unwrap();
            assert_eq!(opened(&response, TOKEN, KEY), ANSWER);
        }
    }
}

#[test]
fn while_token_and_key_are_changed_the_response_has_those_of_the_push() {
    let keys = PushKeys {
        tokens: vec!["new".into(), TOKEN.into()],
        aes_keys: vec![key(OTHER_KEY), key(KEY)],
        ..sealed_keys()
    };
    for (token, aes_key) in [("new", OTHER_KEY), ("new", KEY), (TOKEN, OTHER_KEY), (TOKEN, KEY)] {
        let encrypt = envelope::seal(&key(aes_key), APP_ID, INNER.as_bytes());
        let body = envelope::to_xml("gh_a", &encrypt);
        let response = answer(&keys, &sealed_query(token, &encrypt), &body).unwrap();
        assert_eq!(opened(&response, token, aes_key), ANSWER);
    }
}

#[test]
fn nothing_is_sealed_without_the_key_or_with_a_token_that_did_not_sign() {
    let message = Message::parse(INNER.as_bytes()).unwrap();
    let form = || Form::Text { content: "x".to_owned() };
    let query = sealed_query(TOKEN, "x");
    for keys in [plain_keys(), PushKeys { tokens: vec!["other".into()], ..sealed_keys() }] {
        let response = respond(&keys, Some(0), &query, &message, form(), NOW);
        assert_eq!(response, Err(PassiveReplyError::NoKey));
    }
    let nothing = Form::Text { content: String::new() };
    let error = respond(&sealed_keys(), Some(0), &query, &message, nothing, NOW);
    assert_eq!(error, Err(PassiveReplyError::Empty { field: "Content" }));
}
