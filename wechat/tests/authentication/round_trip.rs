use huixin_wechat::envelope::{seal, to_json, to_xml};
use huixin_wechat::xml::Element;
use huixin_wechat::{Message, PushBody, admit, body};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Texts of what is awkward: ends of CDATA, markup, JSON's own characters, emoji, 2,048 bytes, nothing.
fn awkward() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("]]>".to_owned()),
        Just("<![CDATA[&amp;\"\\".to_owned()),
        Just("\r\n\t {}[],:".to_owned()),
        Just("😀👨‍👩‍👧\u{E000}\u{10FFFF}".to_owned()),
        Just("你".repeat(682) + "ab"),
        "[\\PC]{0,8}",
    ];
    prop_oneof![3 => vec(piece, 0..4).prop_map(|pieces| pieces.concat()), 1 => Just(String::new())]
}

fn message() -> impl Strategy<Value = Element> {
    let item = awkward().prop_map(|text| {
        let mut item = Element::new("item");
        item.push(Element::leaf("PicMd5Sum", text));
        item
    });
    let list = vec(item, 1..4).prop_map(|items| Element { children: items, ..Element::new("PicList") });
    (awkward(), awkward(), any::<u64>(), list).prop_map(|(from, content, id, list)| {
        let mut tree = Element::new("xml");
        tree.push(Element::leaf("ToUserName", "gh_0123456789ab"))
            .push(Element::leaf("FromUserName", from))
            .push(Element::leaf("CreateTime", "1718000010"))
            .push(Element::leaf("MsgType", "text"))
            .push(Element::leaf("Content", content))
            .push(Element::leaf("MsgId", id.to_string()))
            .push(list);
        tree
    })
}

/// Through the door: sealed, wrapped both ways, let in, and what came out.
fn through(body: &str) -> Vec<u8> {
    let encrypt = seal(&key(KEY), APP_ID, body.as_bytes());
    let query = sealed_query(TOKEN, &encrypt);
    let shells = [to_xml("gh_0123456789ab", &encrypt), to_json("gh_0123456789ab", &encrypt)];
    let mut inner = shells.iter().map(|shell| match admit(&sealed_keys(), &query, shell.as_bytes()) {
        Ok(PushBody::Opened { body, .. }) => body,
        other => panic!("{other:?}"),
    });
    let (one, two) = (inner.next().unwrap(), inner.next().unwrap());
    assert_eq!(one, two);
    one
}

proptest! {
    #[test]
    fn a_message_in_xml_is_the_same_behind_the_door(tree in message()) {
        let opened = body::parse(&through(&tree.write())).unwrap();
        prop_assert!(!opened.mended);
        prop_assert_eq!(&opened.tree, &tree);
        prop_assert_eq!(Message::from_tree(opened.tree), Message::from_tree(tree));
    }

    #[test]
    fn a_message_in_json_is_the_same_behind_the_door(tree in message(), bare_id in any::<bool>()) {
        let mut object = tree.to_json();
        if bare_id {
            // A number, as WeChat may write it, with all 64 bits.
            object["MsgId"] = serde_json::from_str(tree.text_of("MsgId").unwrap()).unwrap();
        }
        let opened = body::parse(&through(&object.to_string())).unwrap();
        prop_assert!(!opened.mended);
        prop_assert_eq!(opened.tree.to_json(), tree.to_json());
        let [opened, sent] = [opened.tree, tree].map(Message::from_tree);
        prop_assert_eq!((opened.content(), opened.msg_id()), (sent.content(), sent.msg_id()));
    }

    #[test]
    fn any_bytes_are_the_same_behind_the_door(bytes in vec(any::<u8>(), 0..400)) {
        let encrypt = seal(&key(KEY), APP_ID, &bytes);
        let query = sealed_query(TOKEN, &encrypt);
        let inner = admit(&sealed_keys(), &query, to_xml("gh_a", &encrypt).as_bytes());
        prop_assert_eq!(inner, Ok(PushBody::Opened { body: bytes, key: 0 }));
    }

    #[test]
    fn random_bytes_under_a_genuine_query_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = admit(&sealed_keys(), &sealed_query(TOKEN, &text), &bytes);
        let _ = admit(&sealed_keys(), &sealed_query(TOKEN, &text), to_xml("gh_a", &text).as_bytes());
    }
}
