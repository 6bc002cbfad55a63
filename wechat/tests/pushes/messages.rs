//! The rows of ordinary messages.

use huixin_wechat::{Kind, Trigger};
use serde_json::json;

use super::row::{MSG_ID, Row, message, push, read};

pub(crate) fn rows() -> Vec<Row> {
    let text = |content: &str, rest: &str, menu_id: Option<&str>, trigger| {
        let kind = Kind::Text { content: content.to_owned(), menu_id: menu_id.map(str::to_owned) };
        let json = json!({"content": content, "menu_id": menu_id});
        message("text", &format!("<Content><![CDATA[{content}]]></Content>{rest}"), kind, json, trigger)
    };
    let user = Trigger::Message;
    vec![
        text("hello", "", None, user),
        text("", "", None, user),
        text(" \n ", "", None, user),
        text("【收到不支持的消息类型，暂无法显示】", "", None, user),
        text("yes", "<bizmsgmenuid>101</bizmsgmenuid>", Some("101"), Trigger::Click),
        text("no", "<bizmsgmenuid><![CDATA[answer_no]]></bizmsgmenuid>", Some("answer_no"), Trigger::Click),
        message(
            "image",
            "<PicUrl><![CDATA[http://mmbiz.qpic.cn/x/0]]></PicUrl>\n<MediaId><![CDATA[m]]></MediaId>",
            Kind::Image { pic_url: "http://mmbiz.qpic.cn/x/0".into(), media_id: "m".into() },
            json!({"pic_url": "http://mmbiz.qpic.cn/x/0", "media_id": "m"}),
            user,
        ),
        message(
            "voice",
            "<MediaId><![CDATA[m]]></MediaId><Format><![CDATA[amr]]></Format>\
             <MediaId16K><![CDATA[m16]]></MediaId16K><Recognition><![CDATA[你好。]]></Recognition>",
            Kind::Voice {
                media_id: "m".into(),
                format: "amr".into(),
                media_id_16k: Some("m16".into()),
                recognition: Some("你好。".into()),
            },
            json!({"media_id": "m", "format": "amr", "media_id_16k": "m16", "recognition": "你好。"}),
            user,
        ),
        message(
            "voice",
            "<MediaId><![CDATA[m]]></MediaId><Format><![CDATA[speex]]></Format>\
             <Recognition><![CDATA[]]></Recognition>",
            Kind::Voice {
                media_id: "m".into(),
                format: "speex".into(),
                media_id_16k: None,
                recognition: None,
            },
            json!({"media_id": "m", "format": "speex", "media_id_16k": null, "recognition": null}),
            user,
        ),
        message(
            "video",
            "<MediaId><![CDATA[m]]></MediaId><ThumbMediaId><![CDATA[t]]></ThumbMediaId>",
            Kind::Video { media_id: "m".into(), thumb_media_id: "t".into() },
            json!({"media_id": "m", "thumb_media_id": "t"}),
            user,
        ),
        message(
            "shortvideo",
            "<MediaId><![CDATA[m]]></MediaId><ThumbMediaId><![CDATA[t]]></ThumbMediaId>",
            Kind::ShortVideo { media_id: "m".into(), thumb_media_id: "t".into() },
            json!({"media_id": "m", "thumb_media_id": "t"}),
            user,
        ),
        message(
            "location",
            "<Location_X>23.134521</Location_X><Location_Y><![CDATA[113.358803]]></Location_Y><Scale>20</Scale>\
             <Label><![CDATA[位置信息 ]]></Label>",
            Kind::Location {
                latitude: "23.134521".into(),
                longitude: "113.358803".into(),
                scale: "20".into(),
                label: "位置信息 ".into(),
            },
            json!({
                "latitude": "23.134521", "longitude": "113.358803", "scale": "20", "label": "位置信息 ",
            }),
            user,
        ),
        message(
            "link",
            "<Title><![CDATA[公众平台官网链接]]></Title><Description><![CDATA[]]></Description>\
             <Url><![CDATA[http://u]]></Url>",
            Kind::Link {
                title: "公众平台官网链接".into(),
                description: String::new(),
                url: "http://u".into(),
            },
            json!({"title": "公众平台官网链接", "description": "", "url": "http://u"}),
            user,
        ),
        message(
            "file",
            "<Title><![CDATA[a b.pdf]]></Title><Description><![CDATA[2.5 KB]]></Description>\
             <FileKey><![CDATA[k]]></FileKey><FileMd5><![CDATA[9e107d9d372bb6826bd81d3542a419d6]]></FileMd5>\
             <FileTotalLen>2560</FileTotalLen>",
            Kind::File {
                title: "a b.pdf".into(),
                description: "2.5 KB".into(),
                file_key: "k".into(),
                file_md5: "9e107d9d372bb6826bd81d3542a419d6".into(),
                size_bytes: Some(2560),
            },
            json!({
                "title": "a b.pdf", "description": "2.5 KB", "file_key": "k",
                "file_md5": "9e107d9d372bb6826bd81d3542a419d6", "size_bytes": 2560,
            }),
            user,
        ),
        message(
            "miniprogrampage",
            "<Title><![CDATA[t]]></Title><AppId><![CDATA[wx1]]></AppId><PagePath><![CDATA[pages/a?b=1]]></PagePath>\
             <ThumbUrl><![CDATA[http://t]]></ThumbUrl><ThumbMediaId><![CDATA[m]]></ThumbMediaId>",
            Kind::MiniProgramPage {
                title: "t".into(),
                app_id: "wx1".into(),
                page_path: "pages/a?b=1".into(),
                thumb_url: "http://t".into(),
                thumb_media_id: "m".into(),
            },
            json!({
                "title": "t", "app_id": "wx1", "page_path": "pages/a?b=1", "thumb_url": "http://t",
                "thumb_media_id": "m",
            }),
            user,
        ),
    ]
}

#[test]
fn where_a_message_came_from_stands_beside_it() {
    let body = push(
        "text",
        &format!(
            "<Content>hi</Content><MsgId>{MSG_ID}</MsgId><MsgDataId>2247483697</MsgDataId><Idx>1</Idx>\
             <BusinessId>5</BusinessId><UnionId><![CDATA[oUnion]]></UnionId>"
        ),
    );
    let message = read(&body);
    assert_eq!(message.origin.msg_data_id.as_deref(), Some("2247483697"));
    assert_eq!((message.origin.idx, message.origin.is_empty()), (Some(1), false));
    assert_eq!(
        message.typed_json()["origin"],
        json!({"msg_data_id": "2247483697", "idx": 1, "business_id": "5", "union_id": "oUnion"})
    );
}

#[test]
fn other_types_are_unknown_and_whole_and_only_devices_give_no_right() {
    for (msg_type, trigger) in [
        ("music", Trigger::Message),
        ("hologram", Trigger::Message),
        ("hardware", Trigger::Silent),
        ("device_text", Trigger::Silent),
        ("device_event", Trigger::Silent),
        ("device_status", Trigger::Silent),
    ] {
        let body = push(
            msg_type,
            "<DeviceType>d</DeviceType><DeviceID>1</DeviceID><SessionID>2</SessionID>\
             <OpenID>o</OpenID><Content>QQ==</Content><OpType>0</OpType><MsgId>7</MsgId>",
        );
        let message = read(&body);
        assert_eq!((&message.kind, message.msg_id()), (&Kind::Unknown, Some("7")));
        assert_eq!(message.typed_json(), json!(null));
        assert_eq!(message.tree.to_json()["DeviceID"], "1");
        assert_eq!(message.trigger(), trigger, "{msg_type}");
    }
}

#[test]
fn a_push_for_a_third_party_platform_is_told_by_its_info_type() {
    let ticket = read(
        "<xml><AppId>wx1</AppId><CreateTime>1718000010</CreateTime><InfoType> component_verify_ticket </InfoType>\
         <ComponentVerifyTicket>t</ComponentVerifyTicket></xml>",
    );
    assert_eq!(ticket.info_type(), Some("component_verify_ticket"));
    assert_eq!((&ticket.kind, ticket.trigger(), ticket.event()), (&Kind::Unknown, Trigger::Silent, None));
    assert_eq!((ticket.typed_json(), ticket.created_at), (json!(null), 1_718_000_010));
    // An element of that name in an ordinary push doesn't make it one.
    assert_eq!(read(&push("text", "<InfoType>x</InfoType>")).info_type(), None);
    assert_eq!(read("<xml><InfoType/></xml>").info_type(), None);
}
