//! docs/schema/ against the code: what is sent keeps to the one schema, and the other takes what the reader takes.

use jsonschema::Validator;

use super::super::*;
use crate::handlers::read_answer;

const MESSAGES: &str = include_str!("../../../../../docs/message.md");
const MANUAL: &str = include_str!("../../../../../docs/http-handler.md");

fn schema(text: &str) -> (Value, Validator) {
    let schema: Value = serde_json::from_str(text).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    (schema, validator)
}

fn request_schema() -> (Value, Validator) {
    schema(include_str!("../../../../../docs/schema/http-request.json"))
}

fn reply_schema() -> Validator {
    schema(include_str!("../../../../../docs/schema/http-reply.json")).1
}

fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// What is posted for a push; the document shows what its kind has of its own.
fn request(shown: &str, known: bool) -> Value {
    let head =
        "<ToUserName>gh_1</ToUserName><FromUserName>oUser</FromUserName><CreateTime>1718000010</CreateTime>";
    let xml = format!("<xml>{head}{shown}</xml>");
    let message = Message::parse(xml.as_bytes()).unwrap();
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_718_000_011);
    let context = Context {
        id: "mIJR1lpMuzx8PpJEz8gyOCw".into(),
        account: "main".into(),
        route: "lookup".into(),
        attempt: 1,
        accepted_at: at,
        reply_until: known.then_some(at),
        sends_left: 5,
        captures: [("code".to_owned(), "18-546".to_owned())].into(),
        memory: known.then(|| json!({"seen": 1})),
        callback_url: Url::parse("https://bot.example.com/v1/answers/t").ok().filter(|_| known),
    };
    request_body(&message, &context)
}

#[test]
fn the_request_for_every_documented_message_keeps_to_the_schema() {
    let (schema, validator) = request_schema();
    let pushes = blocks(MESSAGES, "xml");
    assert!(pushes.len() > 25, "only {} pushes are documented", pushes.len());
    for push in pushes {
        for known in [true, false] {
            let request = request(push, known);
            let wrong: Vec<String> = validator.iter_errors(&request).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{request:#}: {wrong:?}");
            let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&request), names(&schema["properties"]), "the schema has every name");
        }
    }
    let shown: Value = serde_json::from_str(blocks(MANUAL, "json")[0]).unwrap();
    assert!(validator.is_valid(&shown));
}

#[test]
fn a_request_that_lacks_a_name_or_has_another_type_there_is_none() {
    let (schema, validator) = request_schema();
    let whole = request("<MsgType>text</MsgType><Content>a</Content><MsgId>1</MsgId>", true);
    for name in schema["properties"].as_object().unwrap().keys() {
        let mut lacking = whole.clone();
        lacking.as_object_mut().unwrap().remove(name);
        assert!(!validator.is_valid(&lacking), "{name} is needed");
        let mut wrong = whole.clone();
        wrong[name] = json!([1]);
        assert!(name == "memory" || !validator.is_valid(&wrong), "{name} has a type");
    }
}

/// One reply of each type with all its fields.
fn replies() -> Vec<Value> {
    let url = "https://example.com/a";
    let article = json!({"title": "t", "description": "d", "url": url, "picurl": url});
    vec![
        json!("a text"),
        json!({"type": "text", "content": "c"}),
        json!({"type": "image", "media_id": "m"}),
        json!({"type": "image", "url": url}),
        json!({"type": "voice", "base64": "AAAA"}),
        json!({"type": "video", "media_id": "m", "thumb_media_id": "n", "title": "t", "description": "d"}),
        json!({"type": "music", "title": "t", "description": "d", "musicurl": url, "hqmusicurl": url, "thumb_url": url}),
        json!({"type": "news", "title": "t", "description": "d", "url": url, "picurl": url}),
        json!({"type": "news", "articles": [article]}),
        json!({"type": "news", "articles": [article, article]}),
        json!({"type": "news", "articles": []}),
        json!({"type": "mpnews", "media_id": "m"}),
        json!({"type": "mpnewsarticle", "article_id": "a"}),
        json!({"type": "msgmenu", "head_content": "h", "list": [{"id": "1", "content": "c"}], "tail_content": "t"}),
        json!({"type": "msgmenu", "list": [{"id": "1"}]}),
        json!({"type": "msgmenu", "list": []}),
        json!({"type": "wxcard", "card_id": "c"}),
        json!({"type": "miniprogrampage", "title": "t", "appid": "a", "pagepath": "p", "thumb_media_id": "m"}),
        json!({"type": "link", "title": "t", "description": "d", "url": url, "thumb_url": url}),
        json!({"type": "transfer_customer_service"}),
        json!({"type": "transfer_customer_service", "kf_account": "a@b"}),
        json!({"type": "file", "media_id": "m"}),
        json!({"content": "c"}),
    ]
}

/// The reply itself, with each field removed, emptied or made a number, and with fields that it doesn't have.
fn variants(reply: &Value) -> Vec<Value> {
    let mut all = vec![reply.clone()];
    let Some(fields) = reply.as_object() else { return all };
    for name in fields.keys() {
        let mut without = fields.clone();
        without.remove(name);
        all.push(without.into());
        for other in [json!(""), json!(1), json!("no address"), json!([])] {
            let mut changed = fields.clone();
            changed.insert(name.clone(), other);
            all.push(changed.into());
        }
    }
    for (name, value) in [
        ("stray", json!("x")),
        ("kf_account", json!("a@b")),
        ("kf_account", json!("")),
        ("ai_label", json!(true)),
        ("ai_label", json!("yes")),
        ("url", json!("https://example.com/b")),
        ("file", json!("a.png")),
    ] {
        let mut more = fields.clone();
        more.insert(name.to_owned(), value);
        all.push(more.into());
    }
    all
}

#[test]
fn the_schema_of_replies_takes_what_the_reader_takes_and_nothing_else() {
    let validator = reply_schema();
    let mut bodies: Vec<Value> = replies().iter().flat_map(variants).collect();
    // Only decoding shows what isn't base64, and no schema does that.
    bodies.retain(|body| body.get("base64").is_none_or(|text| text != "no address"));
    bodies.extend(blocks(MANUAL, "json")[1..5].iter().map(|example| serde_json::from_str(example).unwrap()));
    bodies.extend([
        json!(null),
        json!([]),
        json!(1),
        json!([["a"]]),
        json!([null]),
        json!({}),
        json!({"memory": null}),
        json!({"replies": null}),
        json!({"replies": [], "memory": 1}),
        json!({"replies": "a", "memo": 1}),
        json!({"replies": {"type": "text"}}),
        json!(["a", {"type": "image"}]),
    ]);
    let (mut good, mut bad) = (0, 0);
    for body in &bodies {
        let read = read_answer(Some("application/json"), body.to_string().as_bytes());
        assert_eq!(validator.is_valid(body), read.is_ok(), "{body}: {read:?}");
        if read.is_ok() { good += 1 } else { bad += 1 }
    }
    assert!(good > 50 && bad > 100, "{good} good and {bad} bad ones are tried");
}
