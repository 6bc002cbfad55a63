//! Every code of the protocol's policy table, met by a send: what becomes of the message, and what is counted.

use huixin_sandbox::Fault;
use huixin_wechat::{CodeClass, Limit, POLICY, Rule};
use huixin_worker::AccountPause;

use crate::support::{Engine, Gate, Left, Stage, assert_texts, echo, eventually};

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
        let pause = AccountPause::read(&*stage.queue, stage.account()).await.unwrap().expect("it is paused");
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
