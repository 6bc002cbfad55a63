//! A long answer: cut so that it can be read, as many parts as WeChat lets through, and the rest when the user writes again.

use std::fmt::Write as _;

use huixin_worker::{Outcome, Route};

use crate::support::{Engine, Gate, Stage, act, on_both_engines};

on_both_engines! {
    ten_thousand_characters_of_markdown_arrive_whole_over_several_messages
}

const FAMILY: &str = "👨‍👩‍👧‍👦";
const LINK: &str = "<a href=\"https://example.com/docs?a=1&b=2\">第";

/// Ten thousand characters with links, lists, code, a table, emoji and Chinese.
fn markdown() -> String {
    let mut text = String::from("# 使用说明\n\n");
    let mut n = 0;
    while text.chars().count() < 10_000 {
        n += 1;
        writeln!(
            text,
            "## 第 {n} 节\n\n请看[第 {n} 页](https://example.com/docs?a=1&b=2)，那里有**全部**说明。{FAMILY} 家庭版也适用。\
             这一段很长，要分成几条消息才能发完；每一条都应该能单独读懂。\n\n- 第一项\n- 第二项 *强调*\n\n```\nlet x_{n} = 1 < 2;\n```\n\n\
             | 名称 | 位置 |\n| --- | --- |\n| 工作台 {n} | 车体新厂房 |\n"
        )
        .expect("writing into a string never fails");
    }
    text
}

async fn ten_thousand_characters_of_markdown_arrive_whole_over_several_messages(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (user, runs) = (stage.user("anna"), Gate::opened());
    let (answer, counting) = (markdown(), runs.clone());
    let sections = answer.matches("## 第").count();
    let route = act(move |content, _| {
        let (answer, runs) = (answer.clone(), counting.clone());
        async move {
            runs.pass().await;
            Outcome::text(if content == "manual" { answer } else { content })
        }
    });
    stage.start([Route::new("manual", route).markdown(true)]);
    stage.say(&user, "manual").await;
    stage.held(1).await;
    let mut texts = stage.texts(&user, 5).await;
    assert_eq!(texts.len(), 5, "as many as a message allows");
    let mut asked = 0;
    while stage.queue.counts().await.unwrap().held > 0 {
        asked += 1;
        let question = format!("more {asked}");
        stage.say(&user, &question).await;
        // Its own answer comes last: four parts before it, or what there was left.
        let transcript = stage.sandbox.transcript();
        let mut n = texts.len() + 1;
        while transcript.texts_to(user.as_str()).last() != Some(&question) {
            n = n.max(transcript.texts_to(user.as_str()).len());
            stage.texts(&user, n).await;
            n += 1;
        }
        let now = transcript.texts_to(user.as_str());
        assert!(now.len() <= texts.len() + 5, "one send is left for the answer to the new message");
        texts = now;
        crate::support::eventually("the user's messages have come to rest", async || {
            stage.queue.counts().await.ok().filter(|counts| counts.running == 0)
        })
        .await;
    }
    let parts: Vec<_> = texts.iter().filter(|text| !text.starts_with("more ")).collect();
    for part in &parts {
        assert!(part.len() <= 2_000, "{} bytes", part.len());
        assert_eq!(part.matches("<a href=").count(), part.matches("</a>").count(), "a link is cut: {part}");
        assert_eq!(
            part.matches('👨').count(),
            part.matches(FAMILY).count(),
            "a family is torn apart: {part}"
        );
        assert!(
            !part.contains("**") && !part.contains("```") && !part.contains("]("),
            "not readable: {part}"
        );
    }
    let whole: String = parts.iter().map(|part| part.as_str()).collect();
    assert_eq!((whole.matches(LINK).count(), whole.matches(FAMILY).count()), (sections, sections));
    for n in 1..=sections {
        let code = format!("let x_{n} = 1 < 2;");
        let at = |what: &str| whole.find(what).unwrap_or_else(|| panic!("{what} is missing"));
        assert!(at(&code) < at(&format!("工作台 {n}")), "in their order");
    }
    stage.rest().await;
    assert_eq!((stage.refusals(&user), runs.came()), (vec![45047], asked + 1));
    stage.finish().await;
}
