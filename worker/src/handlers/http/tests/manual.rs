//! docs/http-handler.md against the code: its example is what is sent, its tables are what is done.

use std::collections::BTreeSet;

use regex::Regex;

use super::super::*;
use crate::MEMORY_MAX_BYTES;
use crate::handlers::{ANSWER_MAX_BYTES, read_answer};

const MANUAL: &str = include_str!("../../../../../docs/http-handler.md");

/// What stands below a heading, to the next one.
fn part(heading: &str) -> &'static str {
    let (_, rest) = MANUAL.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The fenced blocks of JSON.
fn blocks(text: &str) -> Vec<&str> {
    text.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The cells of the first table's rows.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let table = text.lines().skip_while(|line| !line.starts_with("| --- ")).skip(1);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn the_example_of_a_request_is_what_is_sent() {
    let shown: Value = serde_json::from_str(blocks(part("The request"))[0]).unwrap();
    let field = |name: &str| shown["fields"][name].as_str().unwrap();
    let names = ["ToUserName", "FromUserName", "CreateTime", "MsgType", "Content", "MsgId"];
    let xml: String = names.map(|name| format!("<{name}>{}</{name}>", field(name))).concat();
    let message = Message::parse(format!("<xml>{xml}</xml>").as_bytes()).unwrap();
    let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_718_000_010);
    let context = Context {
        id: shown["id"].as_str().unwrap().to_owned(),
        account: "main".into(),
        route: "lookup".into(),
        attempt: 1,
        accepted_at: created + Duration::from_millis(1250),
        reply_until: Some(created + Duration::from_secs(48 * 3600)),
        sends_left: 5,
        captures: ["1", "code"].map(|name| (name.to_owned(), "18-546".to_owned())).into(),
        memory: Some(shown["memory"].clone()),
        callback_url: Url::parse(shown["callback_url"].as_str().unwrap()).ok(),
    };
    assert_eq!(request_body(&message, &context), shown);

    let named: BTreeSet<String> =
        rows(part("The request")).iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let sent: BTreeSet<String> = shown.as_object().unwrap().keys().cloned().collect();
    assert_eq!(named, sent, "the table has every field and no other");
}

#[test]
fn the_table_of_headers_is_what_is_sent() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let headers = |secret| {
        let url = Url::parse("http://127.0.0.1:1/").unwrap();
        let client = huixin_wechat::http_client().unwrap();
        let handler = HttpHandler::new(url, Duration::from_secs(1), secret, client).unwrap();
        let headers = handler.headers("id-1", "{}").unwrap();
        headers.keys().map(ToString::to_string).collect::<BTreeSet<_>>()
    };
    let table = rows(part("Headers, and how to verify that a request is genuine"));
    let name = |row: &Vec<&str>| row[0].trim_matches('`').to_owned();
    assert_eq!(table.iter().map(name).collect::<BTreeSet<_>>(), headers(Some(&secret)));
    let unsigned = table.iter().filter(|row| !row[1].contains("only with a `secret`"));
    assert_eq!(unsigned.map(name).collect::<BTreeSet<_>>(), headers(None));
}

#[test]
fn every_status_of_an_answer_means_what_the_table_says() {
    let table = rows(part("The answer"));
    let code = Regex::new(r"`([2-5])(\d\d|xx)`").unwrap();
    let mut rows = Vec::new();
    for row in &table {
        let verdict = row[1].split("**").nth(1).unwrap();
        for found in code.captures_iter(row[0]) {
            rows.push((found[1].to_owned(), found[2].to_owned(), verdict));
        }
    }
    for status in 200..600_u16 {
        let text = status.to_string();
        let (class, rest) = text.split_at(1);
        let exact = rows.iter().find(|(a, b, _)| a == class && b == rest);
        let (_, _, verdict) =
            exact.or_else(|| rows.iter().find(|(a, b, _)| a == class && b == "xx")).unwrap();
        let status = reqwest::StatusCode::from_u16(status).unwrap();
        let as_told = match outcome_of(status, &HeaderMap::new(), b"a text") {
            Outcome::Later { .. } => "awaited",
            Outcome::Reply(_) => "answered",
            Outcome::Retry { .. } => "tried again",
            Outcome::Fail { .. } => "final",
            other => panic!("{status}: {other:?}"),
        };
        assert_eq!(as_told, *verdict, "{status}");
    }
}

#[test]
fn every_example_of_an_answer_is_one() {
    let examples = blocks(part("The answer"));
    assert!(examples.len() >= 4);
    for example in examples {
        read_answer(Some("application/json"), example.as_bytes()).unwrap();
    }
    let refused: Value = serde_json::from_str(blocks(part("Answers by call back"))[0]).unwrap();
    let error = read_answer(Some("application/json"), b"{}").unwrap_err();
    assert_eq!(refused["error"], error.as_str());
}

#[test]
fn the_limits_are_those_of_the_code() {
    assert!(part("The answer").contains(&format!("more than {} MiB", ANSWER_MAX_BYTES >> 20)));
    assert!(part("Memory").contains(&format!("at most {} KiB", MEMORY_MAX_BYTES >> 10)));
    assert!(part("Memory").contains(&format!("may remember {} MiB", huixin_queue::MAX_PAYLOAD_BYTES >> 20)));
}
