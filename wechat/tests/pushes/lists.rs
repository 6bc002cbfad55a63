//! The rows of events that bring lists: results of jobs and subscription notifications.

use huixin_wechat::message::{
    ArticleLink, CopyrightArticle, CopyrightCheck, MassSendJob, PublishJob, SubscriptionChoice,
    SubscriptionResult,
};
use huixin_wechat::{Event, Kind, Trigger};
use serde_json::{Value, json};

use super::row::{ACCOUNT, Row, USER, event, event_body, read};

pub(crate) fn rows() -> Vec<Row> {
    [jobs(), subscriptions()].into_iter().flatten().collect()
}

fn jobs() -> Vec<Row> {
    let template = |sent_id: &str, status: &str, plain: &str| {
        let succeeded = plain == "success";
        event(
            "TEMPLATESENDJOBFINISH",
            &format!("<MsgID>{sent_id}</MsgID><Status><![CDATA[{status}]]></Status>"),
            Event::TemplateSendJobFinish { sent_id: sent_id.into(), status: plain.into(), succeeded },
            json!({"sent_id": sent_id, "status": plain, "succeeded": succeeded}),
            &format!("|{sent_id}|||#"),
            Trigger::Silent,
        )
    };
    let mass = |status: &str, succeeded: bool, error_code: Option<u64>| {
        let job = MassSendJob {
            sent_id: "1988".into(),
            status: status.into(),
            succeeded,
            error_code,
            total_count: None,
            filter_count: None,
            sent_count: None,
            error_count: None,
            copyright: None,
            articles: vec![],
        };
        let json = json!({
            "sent_id": "1988", "status": status, "succeeded": succeeded, "error_code": error_code,
            "total_count": null, "filter_count": null, "sent_count": null, "error_count": null,
            "copyright": null, "articles": [],
        });
        let body = format!("<MsgID>1988</MsgID><Status><![CDATA[{status}]]></Status>");
        event("MASSSENDJOBFINISH", &body, Event::MassSendJobFinish(job), json, "|1988|||#", Trigger::Silent)
    };
    vec![
        template("200163836", "success", "success"),
        template("18446744073709551615", "failed:user block", "failed:user block"),
        template("200163838", "failed: system failed", "failed:system failed"),
        mass("sendsuccess", true, None),
        mass("send fail", false, None),
        mass("err(30003)", false, Some(30003)),
        mass_in_full(),
        published("PUBLISHJOBFINISH"),
        published("FREEPUBLISHJOBFINISH"),
        event(
            "PUBLISHJOBFINISH",
            "<PublishEventInfo><publish_id>2247503051</publish_id><publish_status>2</publish_status>\
             <fail_idx>1</fail_idx>\n<fail_idx>2</fail_idx></PublishEventInfo>",
            Event::PublishJobFinish(PublishJob {
                publish_id: "2247503051".into(),
                status: Some(2),
                article_id: None,
                articles: vec![],
                failed_idx: vec![1, 2],
            }),
            json!({
                "publish_id": "2247503051", "status": 2, "article_id": null, "articles": [],
                "failed_idx": [1, 2],
            }),
            "||||#",
            Trigger::Silent,
        ),
    ]
}

fn mass_in_full() -> Row {
    event(
        "MASSSENDJOBFINISH",
        "<MsgID>1000001625</MsgID><Status><![CDATA[send success]]></Status><TotalCount>100</TotalCount>\
         <FilterCount> 80 </FilterCount><SentCount><![CDATA[75]]></SentCount><ErrorCount>5</ErrorCount>\
         <CopyrightCheckResult><Count>9</Count><ResultList><item><ArticleIdx>1</ArticleIdx>\
         <UserDeclareState>0</UserDeclareState><AuditState>2</AuditState>\
         <OriginalArticleUrl><![CDATA[Url_1]]></OriginalArticleUrl><OriginalArticleType>1</OriginalArticleType>\
         <CanReprint>1</CanReprint><NeedReplaceContent>1</NeedReplaceContent>\
         <NeedShowReprintSource>1</NeedShowReprintSource></item></ResultList><CheckState>2</CheckState>\
         </CopyrightCheckResult><ArticleUrlResult><Count>1</Count><ResultList><item><ArticleIdx>1</ArticleIdx>\
         <ArticleUrl><![CDATA[http://a/1]]></ArticleUrl></item><item><ArticleIdx>?</ArticleIdx>\
         <ArticleUrl><![CDATA[http://a/2]]></ArticleUrl></item></ResultList></ArticleUrlResult>",
        Event::MassSendJobFinish(MassSendJob {
            sent_id: "1000001625".into(),
            status: "send success".into(),
            succeeded: true,
            error_code: None,
            total_count: Some(100),
            filter_count: Some(80),
            sent_count: Some(75),
            error_count: Some(5),
            copyright: Some(CopyrightCheck {
                check_state: Some(2),
                articles: vec![CopyrightArticle {
                    idx: Some(1),
                    user_declare_state: Some(0),
                    audit_state: Some(2),
                    original_url: "Url_1".into(),
                    original_type: Some(1),
                    can_reprint: Some(1),
                    need_replace_content: Some(1),
                    need_show_reprint_source: Some(1),
                }],
            }),
            articles: vec![
                ArticleLink { idx: Some(1), url: "http://a/1".into() },
                ArticleLink { idx: None, url: "http://a/2".into() },
            ],
        }),
        json!({
            "sent_id": "1000001625", "status": "send success", "succeeded": true, "error_code": null,
            "total_count": 100, "filter_count": 80, "sent_count": 75, "error_count": 5,
            "copyright": {
                "check_state": 2,
                "articles": [{
                    "idx": 1, "user_declare_state": 0, "audit_state": 2, "original_url": "Url_1",
                    "original_type": 1, "can_reprint": 1, "need_replace_content": 1,
                    "need_show_reprint_source": 1,
                }],
            },
            "articles": [{"idx": 1, "url": "http://a/1"}, {"idx": null, "url": "http://a/2"}],
        }),
        "|1000001625|||#",
        Trigger::Silent,
    )
}

fn published(name: &str) -> Row {
    event(
        name,
        "<PublishEventInfo><publish_id>2247503051</publish_id><publish_status>0</publish_status>\
         <article_id><![CDATA[b5O2OUs25HBxRceL7hfReg-U9QGeq9zQjiDvy\n]]></article_id><article_detail><count>5</count>\
         <item><idx>1</idx><article_url><![CDATA[http://a/1]]></article_url></item></article_detail>\
         </PublishEventInfo>",
        Event::PublishJobFinish(PublishJob {
            publish_id: "2247503051".into(),
            status: Some(0),
            article_id: Some("b5O2OUs25HBxRceL7hfReg-U9QGeq9zQjiDvy".into()),
            articles: vec![ArticleLink { idx: Some(1), url: "http://a/1".into() }],
            failed_idx: vec![],
        }),
        json!({
            "publish_id": "2247503051", "status": 0, "article_id": "b5O2OUs25HBxRceL7hfReg-U9QGeq9zQjiDvy",
            "articles": [{"idx": 1, "url": "http://a/1"}], "failed_idx": [],
        }),
        "||||#",
        Trigger::Silent,
    )
}

fn subscriptions() -> Vec<Row> {
    let choices = |name: &str, list: &str, value: Event, json: Value| {
        event(name, list, value, json, "||||#", Trigger::Silent)
    };
    vec![
        choices(
            "subscribe_msg_popup_event",
            "<SubscribeMsgPopupEvent><List><TemplateId><![CDATA[T1]]></TemplateId>\
             <SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString><PopupScene>2</PopupScene></List>\
             <List><TemplateId><![CDATA[T2]]></TemplateId>\
             <SubscribeStatusString><![CDATA[reject]]></SubscribeStatusString><PopupScene>2</PopupScene></List>\
             </SubscribeMsgPopupEvent>",
            Event::SubscribeMsgPopup {
                choices: vec![choice("T1", "accept", Some(2)), choice("T2", "reject", Some(2))],
            },
            json!({"choices": [
                {"template_id": "T1", "status": "accept", "popup_scene": 2},
                {"template_id": "T2", "status": "reject", "popup_scene": 2},
            ]}),
        ),
        choices(
            "subscribe_msg_change_event",
            "<SubscribeMsgChangeEvent><List><TemplateId><![CDATA[T1]]></TemplateId>\
             <SubscribeStatusString><![CDATA[reject]]></SubscribeStatusString></List></SubscribeMsgChangeEvent>",
            Event::SubscribeMsgChange { choices: vec![choice("T1", "reject", None)] },
            json!({"choices": [{"template_id": "T1", "status": "reject", "popup_scene": null}]}),
        ),
        choices(
            "subscribe_msg_sent_event",
            "<SubscribeMsgSentEvent><List><TemplateId><![CDATA[T1]]></TemplateId>\
             <MsgID>1864323726461255680</MsgID><ErrorCode>0</ErrorCode>\
             <ErrorStatus><![CDATA[success]]></ErrorStatus></List></SubscribeMsgSentEvent>",
            sent("1864323726461255680"),
            json!({"results": [{
                "template_id": "T1", "sent_id": "1864323726461255680", "error_code": 0,
                "error_status": "success",
            }]}),
        ),
    ]
}

fn choice(template_id: &str, status: &str, popup_scene: Option<u64>) -> SubscriptionChoice {
    SubscriptionChoice { template_id: template_id.into(), status: status.into(), popup_scene }
}

fn sent(sent_id: &str) -> Event {
    Event::SubscribeMsgSent {
        results: vec![SubscriptionResult {
            template_id: "T1".into(),
            sent_id: sent_id.into(),
            error_code: Some(0),
            error_status: "success".into(),
        }],
    }
}

#[test]
fn json_has_its_lists_at_the_top_level_an_array_or_one_object_and_numbers_as_texts_or_not() {
    let body = |name: &str, list: &str| {
        format!(
            r#"{{"ToUserName":"{ACCOUNT}","FromUserName":"{USER}","CreateTime":"1718000010","MsgType":"event",
                "Event":"{name}"{list}}}"#
        )
    };
    let entry = |template: &str, scene: &str| {
        format!(r#"{{"TemplateId":"{template}","SubscribeStatusString":"accept","PopupScene":{scene}}}"#)
    };
    let (one, other) = (entry("T1", "0"), entry("T2", r#""1""#));
    let (first, second) = (choice("T1", "accept", Some(0)), choice("T2", "accept", Some(1)));
    for (list, choices) in [
        (format!(r#","List":[{one},{other}]"#), vec![first.clone(), second]),
        (format!(r#","List":[{one}]"#), vec![first.clone()]),
        (format!(r#","List":{one}"#), vec![first]),
        (r#","List":[]"#.to_owned(), vec![]),
        (String::new(), vec![]),
    ] {
        let message = read(&body("subscribe_msg_popup_event", &list));
        assert_eq!(message.created_at, 1_718_000_010);
        assert_eq!(message.kind, Kind::Event(Event::SubscribeMsgPopup { choices }), "{list}");
    }
    for id in ["1864323726461255680", r#""1864323726461255680""#] {
        let list =
            format!(r#","List":{{"TemplateId":"T1","MsgID":{id},"ErrorCode":"0","ErrorStatus":"success"}}"#);
        let message = read(&body("subscribe_msg_sent_event", &list));
        assert_eq!(message.kind, Kind::Event(sent("1864323726461255680")));
    }
}

#[test]
fn a_container_with_nothing_in_it_is_an_empty_list() {
    for inside in
        ["", "<List/>", "<SubscribeMsgSentEvent/>", "<SubscribeMsgSentEvent><List/></SubscribeMsgSentEvent>"]
    {
        let message = read(&event_body("subscribe_msg_sent_event", inside));
        assert_eq!(message.kind, Kind::Event(Event::SubscribeMsgSent { results: vec![] }), "{inside}");
    }
    let mass = read(&event_body(
        "MASSSENDJOBFINISH",
        "<CopyrightCheckResult><Count>0</Count><ResultList/></CopyrightCheckResult>",
    ));
    assert_eq!(mass.typed_json()["copyright"], json!({"check_state": null, "articles": []}));
}
