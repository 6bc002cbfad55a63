use huixin_wechat::envelope::{seal, to_xml};
use huixin_wechat::{PushBody, PushKeys, PushQuery, PushRefusal, admit};

use super::*;

const PLAIN: &str =
    "<xml><ToUserName>gh_a</ToUserName><FromUserName>oA</FromUserName><MsgType>text</MsgType></xml>";

fn opened(key: usize) -> Result<PushBody, PushRefusal> {
    Ok(PushBody::Opened { body: PLAIN.as_bytes().to_vec(), key })
}

#[test]
fn a_plain_account_takes_what_its_token_signed() {
    assert_eq!(admit(&plain_keys(), &plain_query(TOKEN), PLAIN.as_bytes()), Ok(PushBody::Plain));
    assert_eq!(admit(&plain_keys(), &plain_query("another"), PLAIN.as_bytes()), Err(PushRefusal::Signature));
    // It isn't this that decides whether a body can be understood.
    assert_eq!(admit(&plain_keys(), &plain_query(TOKEN), b"Encrypt"), Ok(PushBody::Plain));
    // The account's owner switched the mode and gave no key yet: compatible mode can be read, safe mode can't.
    let encrypt = seal(&key(KEY), APP_ID, PLAIN.as_bytes());
    let both = PLAIN.replace("</xml>", &format!("<Encrypt>{encrypt}</Encrypt></xml>"));
    let query = sealed_query(TOKEN, &encrypt);
    assert_eq!(admit(&plain_keys(), &query, both.as_bytes()), Ok(PushBody::Plain));
    assert_eq!(admit(&plain_keys(), &query, to_xml("gh_a", &encrypt).as_bytes()), Ok(PushBody::Sealed));
}

#[test]
fn the_previous_token_and_the_previous_key_are_accepted() {
    let rotating = PushKeys {
        tokens: vec!["current".into(), TOKEN.into()],
        aes_keys: vec![key(OTHER_KEY), key(KEY)],
        ..sealed_keys()
    };
    for (index, sealing) in [OTHER_KEY, KEY].into_iter().enumerate() {
        let encrypt = seal(&key(sealing), APP_ID, PLAIN.as_bytes());
        for token in ["current", TOKEN] {
            let query = sealed_query(token, &encrypt);
            assert_eq!(admit(&rotating, &query, to_xml("gh_a", &encrypt).as_bytes()), opened(index));
        }
        let query = sealed_query("older", &encrypt);
        assert_eq!(
            admit(&rotating, &query, to_xml("gh_a", &encrypt).as_bytes()),
            Err(PushRefusal::Signature)
        );
    }
    let plain = PushKeys { aes_keys: Vec::new(), ..rotating };
    assert_eq!(admit(&plain, &plain_query("current"), PLAIN.as_bytes()), Ok(PushBody::Plain));
    assert_eq!(admit(&plain, &plain_query(TOKEN), PLAIN.as_bytes()), Ok(PushBody::Plain));
}

#[test]
fn while_a_mode_is_changed_both_are_accepted_and_no_mixture() {
    let keys = PushKeys { accept_plain: true, ..sealed_keys() };
    let encrypt = seal(&key(KEY), APP_ID, PLAIN.as_bytes());
    let shell = to_xml("gh_a", &encrypt);
    let (plain, sealed) = (plain_query(TOKEN), sealed_query(TOKEN, &encrypt));
    assert_eq!(admit(&keys, &plain, PLAIN.as_bytes()), Ok(PushBody::Plain));
    assert_eq!(admit(&keys, &sealed, shell.as_bytes()), opened(0));
    for word in ["raw", ""] {
        let raw = PushQuery { encrypt_type: Some(word.to_owned()), ..plain.clone() };
        assert_eq!(admit(&keys, &raw, PLAIN.as_bytes()), Ok(PushBody::Plain));
    }
    assert_eq!(admit(&keys, &plain_query("another"), PLAIN.as_bytes()), Err(PushRefusal::Signature));
    // A word in a text is no element.
    let word = PLAIN.replace("oA", "Encrypt");
    assert_eq!(admit(&keys, &plain, word.as_bytes()), Ok(PushBody::Plain));

    // An envelope whose query was stripped, a plain body whose query says `aes`, and each half of that.
    let both = PLAIN.replace("</xml>", &format!("<Encrypt>{encrypt}</Encrypt></xml>"));
    assert_eq!(admit(&keys, &plain, shell.as_bytes()), Err(PushRefusal::Plain));
    assert_eq!(admit(&keys, &plain, both.as_bytes()), Err(PushRefusal::Plain));
    let says_aes = PushQuery { encrypt_type: Some("aes".to_owned()), ..plain.clone() };
    assert_eq!(admit(&keys, &says_aes, PLAIN.as_bytes()), Err(PushRefusal::NoMsgSignature));
    let unknown = PushQuery { encrypt_type: Some("AES".to_owned()), ..plain };
    assert_eq!(admit(&keys, &unknown, PLAIN.as_bytes()), Err(PushRefusal::NoMsgSignature));
    let signed_twice = PushQuery { encrypt_type: None, ..sealed };
    assert!(matches!(admit(&keys, &signed_twice, PLAIN.as_bytes()), Err(PushRefusal::Envelope(_))));
    assert_eq!(admit(&keys, &signed_twice, shell.as_bytes()), opened(0));
}

#[test]
fn in_compatible_mode_only_what_was_sealed_counts() {
    let encrypt = seal(&key(KEY), APP_ID, PLAIN.as_bytes());
    let query = sealed_query(TOKEN, &encrypt);
    for beside in [PLAIN, "<xml><FromUserName>forged</FromUserName></xml>", "<xml><a><b><c/></b></a></xml>"] {
        let both = beside.replace("</xml>", &format!("<Encrypt>{encrypt}</Encrypt></xml>"));
        assert_eq!(admit(&sealed_keys(), &query, both.as_bytes()), opened(0));
    }
}

#[test]
fn a_glance_refuses_what_no_body_could_save_and_nothing_else() {
    let encrypt = seal(&key(KEY), APP_ID, PLAIN.as_bytes());
    let foreign = sealed_query("not ours", &encrypt);
    // What signs the body is known only when that is read.
    let sealed = PushQuery { signature: plain_query(TOKEN).signature, ..foreign.clone() };
    let changing = PushKeys { accept_plain: true, ..sealed_keys() };
    for (keys, query, expected) in [
        (plain_keys(), plain_query(TOKEN), Ok(())),
        (plain_keys(), plain_query("another"), Err(PushRefusal::Signature)),
        (plain_keys(), foreign.clone(), Err(PushRefusal::Signature)),
        (sealed_keys(), foreign.clone(), Err(PushRefusal::Signature)),
        (changing.clone(), foreign, Err(PushRefusal::Signature)),
        (sealed_keys(), plain_query(TOKEN), Err(PushRefusal::Plain)),
        (sealed_keys(), sealed.clone(), Ok(())),
        (
            sealed_keys(),
            PushQuery { msg_signature: None, ..sealed.clone() },
            Err(PushRefusal::NoMsgSignature),
        ),
        (changing.clone(), plain_query(TOKEN), Ok(())),
        (changing.clone(), plain_query("another"), Err(PushRefusal::Signature)),
        (changing, sealed, Ok(())),
    ] {
        assert_eq!(keys.precheck(&query).map(|_| ()), expected, "{query:?}");
    }
}

#[test]
fn nothing_that_is_printed_shows_a_secret_or_a_message() {
    let encrypt = seal(&key(KEY), APP_ID, PLAIN.as_bytes());
    let inner = admit(&sealed_keys(), &sealed_query(TOKEN, &encrypt), to_xml("gh_a", &encrypt).as_bytes());
    let printed = format!("{:?} {inner:?} {:?}", sealed_keys(), key(KEY));
    for secret in [TOKEN, KEY, "gh_a", "oA", "111"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
