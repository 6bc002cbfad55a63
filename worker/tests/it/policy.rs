//! Every code of the protocol's policy table, met by a send: what becomes of the message, and what is counted.

use std::time::{Duration, Instant};

use huixin_sandbox::{Endpoint, Fault, FaultOrder, When};
use huixin_wechat::{CodeClass, Limit, POLICY, Rule, Whose};
use huixin_worker::Interface;

use crate::support::{Engine, Gate, Left, Stage, assert_texts, echo, eventually, on_both_engines};

on_both_engines! {
    a_code_that_two_users_in_a_row_get_pauses_the_account
    a_code_that_two_users_get_with_an_answer_between_pauses_nobody
    a_notice_between_two_refusals_clears_the_account
}

fn codes_of(wanted: impl Fn(CodeClass) -> bool) -> Vec<(i64, &'static Rule)> {
    let rules = POLICY.iter().filter(|rule| wanted(rule.class));
    rules.flat_map(|rule| rule.codes.iter().cloned().flatten().map(move |code| (code, rule))).collect()
}

#[tokio::test]
async fn codes_that_concern_one_message_end_it_as_the_table_says() {
    let pauses = |class| matches!(class, CodeClass::Rate(_) | CodeClass::Config);
    let mut stage = Stage::on(Engine::Sqlite).await;
    let runs = Gate::opened();
    stage.start([echo(&runs)]);
    let (mut dead, mut held, mut answered) = (Vec::new(), 0, 0);
    for (n, (code, rule)) in codes_of(|class| !pauses(class)).into_iter().enumerate() {
        let user = stage.user(&format!("met{code}"));
        stage.sandbox.faults().on_send(Fault::Code(code), 1);
        stage.say(&user, "hello").await;
        match rule.class {
            // The first refusal in a window that should be open is taken for a mistake.
            CodeClass::Window if code == 45015 => {
                assert_texts(&stage.texts(&user, 1).await, &["hello"]);
                answered += 1;
            }
            CodeClass::Retry | CodeClass::Token => {
                assert_texts(&stage.texts(&user, 1).await, &["hello"]);
                answered += 1;
            }
            CodeClass::Duplicate => answered += 1,
            CodeClass::Window => {
                held += 1;
                stage.held(held).await;
            }
            _ => {
                dead.push(format!("WeChat refused with {code}"));
                stage.dead(dead.len() as u64).await;
            }
        }
        eventually("it is counted", async || {
            (stage.ended("answered") == answered && stage.ended("dead") == dead.len() as u64).then_some(())
        })
        .await;
        assert_eq!(stage.refusals(&user), [code], "one try and no second before its time");
        assert_eq!(runs.came(), n + 1, "{code}: the handler runs once");
        // A refused token is dealt with below the count, but for one refused right after another.
        if rule.class != CodeClass::Token {
            let result = format!("result=\"{code}\"");
            assert_eq!(stage.counted("huixin_worker_sends_total", &result), 1, "{code}");
        }
    }
    assert_eq!(stage.unsure(), 0, "what WeChat refuses is never unsure");
    let dead: Vec<_> = dead.iter().map(String::as_str).collect();
    stage.finish_with(Left { open: held, dead: &dead }).await;
}

#[tokio::test]
async fn codes_that_concern_the_account_pause_it_and_say_what_helps() {
    for (code, rule) in codes_of(|class| matches!(class, CodeClass::Rate(_) | CodeClass::Config)) {
        let mut stage = Stage::on(Engine::Sqlite).await;
        let (user, runs) = (stage.user("anna"), Gate::opened());
        stage.sandbox.faults().on_send(Fault::Code(code), 100);
        stage.start([echo(&runs).attempts(1)]);
        stage.say(&user, "hello").await;
        stage.put_off(&user, &format!("WeChat refused with {code}")).await;
        let pause = stage.pause_of(Interface::Send).await.expect("it is paused");
        assert_eq!((pause.code, pause.remedy.as_str()), (code, rule.remedy));
        assert!(pause.reason.contains(&code.to_string()), "{pause:?}");
        let longest = match rule.class {
            CodeClass::Rate(Limit::Day) => 86_400 + 60,
            CodeClass::Rate(Limit::Long) => 3600,
            _ => 60,
        };
        assert!((1..=longest).contains(&pause.remaining().as_secs()), "{code}: {pause:?}");
        eventually("it is counted", async || (stage.ended("snoozed") == 1).then_some(())).await;
        assert_eq!((stage.refusals(&user), stage.ended("retried"), runs.came()), (vec![code], 0, 1));
        stage.finish_with(Left { open: 1, ..Left::default() }).await;
    }
}

/// Every call of the user's meets this code.
fn always(stage: &Stage, user: &str, code: i64) -> u64 {
    let order = FaultOrder::new([Endpoint::Send], Fault::Code(code), When::Every(1)).for_user(user);
    stage.sandbox.faults().order(order).expect("there is room")
}

#[tokio::test]
async fn one_user_whose_answers_are_refused_keeps_nobody_else_waiting_whatever_the_code() {
    let mut stage = Stage::on(Engine::Sqlite).await;
    let runs = Gate::opened();
    stage.start([echo(&runs).attempts(1)]);
    let unknown = [(123_456, CodeClass::Unknown), (-9, CodeClass::Unknown)];
    let codes = codes_of(|class| !matches!(class.whose(), Whose::Account | Whose::Interface));
    let codes: Vec<_> = codes.into_iter().map(|(code, rule)| (code, rule.class)).chain(unknown).collect();
    let others: Vec<_> = (0..29).map(|n| stage.user(&format!("other{n}"))).collect();
    let (mut answered, mut dead, mut held) = (0, 0, 0);
    for (code, class) in codes {
        let bad = stage.user(&format!("met{code}"));
        always(&stage, &bad, code);
        let began = Instant::now();
        stage.say(&bad, "hello").await;
        for other in &others {
            stage.say(other, "hello").await;
        }
        answered += 29;
        match class {
            CodeClass::Duplicate => answered += 1,
            CodeClass::Window => held += 1,
            _ => dead += 1,
        }
        eventually(&format!("the others are answered, beside {code}"), async || {
            (stage.ended("answered") == answered).then_some(())
        })
        .await;
        assert!(began.elapsed() < Duration::from_secs(5), "{code}: {:?}", began.elapsed());
        assert_eq!(stage.pause_of(Interface::Send).await, None, "{code}");
    }
    stage.held(held).await;
    stage.dead(dead).await;
    assert_eq!(stage.pause_of(Interface::Send).await, None);
    stage.finish_with_dead(held).await;
}

async fn a_code_that_two_users_in_a_row_get_pauses_the_account(engine: Engine) {
    for code in [65401, 40013, 123_456] {
        let mut stage = Stage::on(engine).await;
        let (anna, ben, carl) = (stage.user("anna"), stage.user("ben"), stage.user("carl"));
        stage.sandbox.faults().on_send(Fault::Code(code), 100);
        let runs = Gate::opened();
        for _ in 0..2 {
            let worker = stage.worker(stage.another_queue(), stage.settings(), [echo(&runs).attempts(1)]);
            stage.start_this(worker);
        }
        for n in 1..=3 {
            stage.say(&anna, "hello").await;
            stage.dead(n).await;
        }
        assert_eq!(stage.pause_of(Interface::Send).await, None, "one user proves nothing");
        stage.say(&ben, "hello").await;
        stage.put_off(&ben, &code.to_string()).await;
        let pause = stage.pause_of(Interface::Send).await.expect("it is paused");
        assert!(pause.code == code && !pause.remedy.is_empty(), "{pause:?}");
        eventually("both workers know it", async || {
            (stage.log().iter().filter(|line| line.contains("the account is paused")).count() == 2)
                .then_some(())
        })
        .await;
        stage.say(&carl, "hello").await;
        let dead = stage.dead(3).await;
        let rule = huixin_wechat::rule(code).unwrap_or(&huixin_wechat::UNKNOWN);
        for part in [code.to_string().as_str(), rule.meaning, rule.remedy] {
            assert!(dead[0].reason.contains(part), "{part:?} is in {:?}", dead[0].reason);
        }
        assert_eq!(stage.refusals(&carl), Vec::<i64>::new());
        stage.finish_with(Left { open: 2, dead: &["WeChat refused with"; 3] }).await;
    }
}

async fn a_code_that_two_users_get_with_an_answer_between_pauses_nobody(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben, carl) = (stage.user("anna"), stage.user("ben"), stage.user("carl"));
    let runs = Gate::opened();
    stage.start([echo(&runs).attempts(1).failure_reply("sorry")]);
    for (n, user) in [&anna, &ben, &anna, &ben].into_iter().enumerate() {
        stage.sandbox.faults().on_send(Fault::Code(65401), 1);
        stage.say(user, "hello").await;
        stage.dead(n as u64 + 1).await;
        assert_texts(&stage.texts(user, n / 2 + 1).await[n / 2..], &["sorry"]);
        stage.say(&carl, "hello").await;
        stage.texts(&carl, n + 1).await;
    }
    assert_eq!(stage.pause_of(Interface::Send).await, None);
    stage.finish_with(Left { open: 0, dead: &["65401"; 4] }).await;
}

async fn a_notice_between_two_refusals_clears_the_account(engine: Engine) {
    let mut stage = Stage::on(engine).await;
    let (anna, ben, carl) = (stage.user("anna"), stage.user("ben"), stage.user("carl"));
    let (runs, gate) = (Gate::opened(), Gate::closed());
    let slow = echo(&gate).when_text("^slow$".parse().unwrap());
    stage.start([slow.notice(Duration::from_millis(50), "please wait"), echo(&runs).attempts(1)]);
    let mut dead = 0;
    for user in [&anna, &ben] {
        stage.sandbox.faults().on_send(Fault::Code(65401), 1);
        stage.say(user, "hello").await;
        dead += 1;
        stage.dead(dead).await;
        if dead == 1 {
            stage.say(&carl, "slow").await;
            assert_texts(&stage.texts(&carl, 1).await, &["please wait"]);
        }
    }
    assert_eq!(stage.pause_of(Interface::Send).await, None);
    gate.open_for(1);
    stage.finish_with(Left { open: 0, dead: &["65401"; 2] }).await;
}
