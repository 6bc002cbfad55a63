//! The rows of events that have types: follow, scan, location, menu, customer service. Those with lists are in
//! [`super::lists`].

use huixin_wechat::{Event, Trigger};
use serde_json::json;

use super::lists;
use super::row::{Row, event};

/// Rows that write an event of another row differently: a follow with an empty key, and `UnSubscribe`.
pub(crate) const WRITTEN_TWICE: usize = 2;

pub(crate) fn rows() -> Vec<Row> {
    [follow(), menu(), menu_info(), sessions(), lists::rows()].into_iter().flatten().collect()
}

fn follow() -> Vec<Row> {
    let subscribe = |key: &str, ticket: &str, scene: Option<&str>, transaction_id: Option<&str>| {
        let given = Some(ticket).filter(|ticket| !ticket.is_empty());
        let body = format!(
            "<EventKey><![CDATA[{key}]]></EventKey>{}",
            given.map(|ticket| format!("<Ticket><![CDATA[{ticket}]]></Ticket>")).unwrap_or_default()
        );
        let value = Event::Subscribe {
            scene: scene.map(str::to_owned),
            ticket: given.map(str::to_owned),
            transaction_id: transaction_id.map(str::to_owned),
        };
        let json = json!({"scene": scene, "ticket": given, "transaction_id": transaction_id});
        event("subscribe", &body, value, json, &format!("{key}|||{ticket}"), Trigger::Subscribe)
    };
    let bare = Event::Subscribe { scene: None, ticket: None, transaction_id: None };
    let bare_json = json!({"scene": null, "ticket": null, "transaction_id": null});
    vec![
        event("subscribe", "", bare, bare_json, "|||", Trigger::Subscribe),
        subscribe("", "", None, None),
        subscribe("qrscene_123123", "TICKET", Some("123123"), None),
        subscribe("qrscene_qrscene_1", "T", Some("qrscene_1"), None),
        subscribe("bare", "T", Some("bare"), None),
        subscribe("unlike anything", "", None, None),
        subscribe("last_trade_no_4200001", "", None, Some("4200001")),
        subscribe("qrscene_last_trade_no_1", "T", Some("last_trade_no_1"), None),
        event(
            "unsubscribe",
            "<EventKey><![CDATA[]]></EventKey>",
            Event::Unsubscribe,
            json!({}),
            "|||",
            Trigger::Unsubscribe,
        ),
        event("UnSubscribe", "", Event::Unsubscribe, json!({}), "|||", Trigger::Unsubscribe),
        event(
            "unsubscribe",
            "<EventKey><![CDATA[last_trade_no_4200001]]></EventKey>",
            Event::Unsubscribe,
            json!({}),
            "last_trade_no_4200001|||",
            Trigger::Unsubscribe,
        ),
        event(
            "SCAN",
            "<EventKey><![CDATA[qrscene_7]]></EventKey><Ticket><![CDATA[TICKET]]></Ticket>",
            Event::Scan { scene: "qrscene_7".into(), ticket: Some("TICKET".into()) },
            json!({"scene": "qrscene_7", "ticket": "TICKET"}),
            "qrscene_7|||TICKET",
            Trigger::Scan,
        ),
        event(
            "scan",
            "<EventKey>42</EventKey>",
            Event::Scan { scene: "42".into(), ticket: None },
            json!({"scene": "42", "ticket": null}),
            "42|||",
            Trigger::Scan,
        ),
        event(
            "LOCATION",
            "<Latitude>23.137466</Latitude><Longitude>113.352425</Longitude><Precision>119.385040</Precision>",
            Event::Location {
                latitude: "23.137466".into(),
                longitude: "113.352425".into(),
                precision: "119.385040".into(),
            },
            json!({"latitude": "23.137466", "longitude": "113.352425", "precision": "119.385040"}),
            "||||#",
            Trigger::Silent,
        ),
    ]
}

fn menu() -> Vec<Row> {
    let view = |menu_id: &str| {
        event(
            "VIEW",
            &format!("<EventKey><![CDATA[http://www.qq.com]]></EventKey>{menu_id}"),
            Event::View { url: "http://www.qq.com".into(), menu_id: Some("1234".into()) },
            json!({"url": "http://www.qq.com", "menu_id": "1234"}),
            "http://www.qq.com||||#",
            Trigger::Silent,
        )
    };
    vec![
        event(
            "CLICK",
            "<EventKey><![CDATA[KEY 1]]></EventKey>",
            Event::Click { key: "KEY 1".into() },
            json!({"key": "KEY 1"}),
            "KEY 1|||",
            Trigger::Click,
        ),
        view("<MenuId>1234</MenuId>"),
        view("<MenuID>1234</MenuID>"),
        event(
            "VIEW",
            "<EventKey><![CDATA[http://www.qq.com]]></EventKey>",
            Event::View { url: "http://www.qq.com".into(), menu_id: None },
            json!({"url": "http://www.qq.com", "menu_id": null}),
            "http://www.qq.com|||",
            Trigger::Silent,
        ),
        event(
            "view_miniprogram",
            "<EventKey><![CDATA[pages/index/index]]></EventKey><MenuId>1234</MenuId>",
            Event::ViewMiniProgram { page: "pages/index/index".into(), menu_id: Some("1234".into()) },
            json!({"page": "pages/index/index", "menu_id": "1234"}),
            "pages/index/index||||#",
            Trigger::Silent,
        ),
    ]
}

/// The buttons that bring something along.
fn menu_info() -> Vec<Row> {
    let code = |kind: &str, result: &str| {
        format!(
            "<EventKey><![CDATA[6]]></EventKey>\n<ScanCodeInfo><ScanType><![CDATA[{kind}]]></ScanType>\n\
             <ScanResult><![CDATA[{result}]]></ScanResult>\n</ScanCodeInfo>"
        )
    };
    // The count is wrong, as in WeChat's own sample.
    let two = "<EventKey><![CDATA[6]]></EventKey>\n<SendPicsInfo><Count>1</Count>\n<PicList>\
               <item><PicMd5Sum><![CDATA[1b5f7c23b5bf75682a53e7b6d163e185]]></PicMd5Sum>\n</item>\n\
               <item><PicMd5Sum><![CDATA[5a75aaca956d97be686719218f275c6b]]></PicMd5Sum>\n</item>\n</PicList>\n\
               </SendPicsInfo>";
    let md5s =
        || vec!["1b5f7c23b5bf75682a53e7b6d163e185".to_owned(), "5a75aaca956d97be686719218f275c6b".to_owned()];
    let two_json = || json!({"key": "6", "picture_md5s": md5s()});
    vec![
        event(
            "scancode_push",
            &code("qrcode", "http://x/ "),
            Event::ScanCodePush {
                key: "6".into(),
                scan_type: "qrcode".into(),
                scan_result: "http://x/ ".into(),
            },
            json!({"key": "6", "scan_type": "qrcode", "scan_result": "http://x/ "}),
            "6||||#",
            Trigger::Click,
        ),
        event(
            "scancode_waitmsg",
            &code("barcode", "EAN_13,6901234567892"),
            Event::ScanCodeWaitMsg {
                key: "6".into(),
                scan_type: "barcode".into(),
                scan_result: "EAN_13,6901234567892".into(),
            },
            json!({"key": "6", "scan_type": "barcode", "scan_result": "EAN_13,6901234567892"}),
            "6||||#",
            Trigger::Click,
        ),
        event(
            "scancode_push",
            "",
            Event::ScanCodePush { key: String::new(), scan_type: String::new(), scan_result: String::new() },
            json!({"key": "", "scan_type": "", "scan_result": ""}),
            "|||",
            Trigger::Click,
        ),
        event(
            "pic_sysphoto",
            two,
            Event::PicSysPhoto { key: "6".into(), picture_md5s: md5s() },
            two_json(),
            "6||||#",
            Trigger::Silent,
        ),
        event(
            "pic_photo_or_album",
            two,
            Event::PicPhotoOrAlbum { key: "6".into(), picture_md5s: md5s() },
            two_json(),
            "6||||#",
            Trigger::Silent,
        ),
        event(
            "pic_weixin",
            "<EventKey>6</EventKey><SendPicsInfo><Count>3</Count><PicList><item><PicMd5Sum>a</PicMd5Sum></item>\
             </PicList></SendPicsInfo>",
            Event::PicWeixin { key: "6".into(), picture_md5s: vec!["a".to_owned()] },
            json!({"key": "6", "picture_md5s": ["a"]}),
            "6||||#",
            Trigger::Silent,
        ),
        event(
            "pic_weixin",
            "<EventKey>6</EventKey>",
            Event::PicWeixin { key: "6".into(), picture_md5s: vec![] },
            json!({"key": "6", "picture_md5s": []}),
            "6|||",
            Trigger::Silent,
        ),
        event(
            "location_select",
            "<EventKey><![CDATA[6]]></EventKey>\n<SendLocationInfo><Location_X><![CDATA[23]]></Location_X>\n\
             <Location_Y><![CDATA[113]]></Location_Y>\n<Scale><![CDATA[15]]></Scale>\n\
             <Label><![CDATA[ 广州市海珠区]]></Label>\n<Poiname><![CDATA[]]></Poiname>\n</SendLocationInfo>",
            Event::LocationSelect {
                key: "6".into(),
                latitude: "23".into(),
                longitude: "113".into(),
                scale: "15".into(),
                label: " 广州市海珠区".into(),
                poi_name: String::new(),
            },
            json!({
                "key": "6", "latitude": "23", "longitude": "113", "scale": "15", "label": " 广州市海珠区",
                "poi_name": "",
            }),
            "6||||#",
            Trigger::Silent,
        ),
    ]
}

fn sessions() -> Vec<Row> {
    vec![
        event(
            "kf_create_session",
            "<KfAccount><![CDATA[test1@test]]></KfAccount>",
            Event::KfCreateSession { kf_account: "test1@test".into() },
            json!({"kf_account": "test1@test"}),
            "||||#",
            Trigger::Silent,
        ),
        event(
            "kf_close_session",
            "<KfAccount><![CDATA[test1@test]]></KfAccount><CloseType>KF</CloseType>",
            Event::KfCloseSession { kf_account: "test1@test".into() },
            json!({"kf_account": "test1@test"}),
            "||||#",
            Trigger::Silent,
        ),
        event(
            "kf_switch_session",
            "<FromKfAccount><![CDATA[test1@test]]></FromKfAccount><ToKfAccount><![CDATA[test2@test]]></ToKfAccount>",
            Event::KfSwitchSession {
                from_kf_account: "test1@test".into(),
                to_kf_account: "test2@test".into(),
            },
            json!({"from_kf_account": "test1@test", "to_kf_account": "test2@test"}),
            "||||#",
            Trigger::Silent,
        ),
    ]
}
