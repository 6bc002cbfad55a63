//! The examples are run by the command of their READMEs, and talk as their READMEs say.

mod running;
mod transcript;

use std::path::Path;
use std::sync::{Arc, Mutex};

use running::Example;

use crate::harness::{Prompt, model};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workstation_lookup_answers() {
    let example = Example::start("workstation-lookup", &[]).await;
    example.plays_its_transcripts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workstation_lookup_answers_for_an_account_without_the_right_in_the_responses_to_its_pushes() {
    let by_push = ("HUIXIN_ACCOUNT__MAIN__ANSWER_BY", "push");
    // The pretend WeChat refuses every call of its API then.
    let example = Example::start("workstation-lookup", &[by_push]).await;
    let slower = Example::start("workstation-lookup", &[by_push, ("DELAY_SECS", "20")]).await;
    futures::future::join(example.plays_its_transcripts(), slower.plays("slow")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_and_the_configuration_of_the_readme_answer() {
    let example = Example::of_the_readme().await;
    example.push("oReader", serde_json::json!({ "kind": "text", "content": "在吗？" })).await;
    example.expect("oReader", &["您问的是：在吗？"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_employee_services_answer() {
    let example = Example::start("employee-services", &[]).await;
    example.plays_its_transcripts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_start_takes_other_ports_and_each_stops_what_it_started() {
    let first = Example::start("workstation-lookup", &[]).await;
    let second = first.again().await;
    first.plays_its_transcripts().await;
    first.stops_with_all_that_it_started().await;
    second.plays_its_transcripts().await;
    second.stops_with_all_that_it_started().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crate_with_a_handler_in_rust_answers() {
    // Built with all members; by itself it would compile half of them again, with fewer features.
    let worker = Path::new(env!("CARGO_BIN_EXE_huixin")).with_file_name("rust-handler");
    assert!(worker.exists(), "`cargo test --workspace --no-run` builds {}", worker.display());
    let example = Example::start("rust-handler", &[("WORKER", &worker.to_string_lossy())]).await;
    example.plays_its_transcripts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_model_answers_in_a_conversation() {
    let asked = Arc::new(Mutex::new(Vec::<Prompt>::new()));
    let url = {
        let asked = asked.clone();
        model(move |prompt| {
            let (_, question) = prompt.messages.last().cloned().unwrap_or_default();
            let knows = prompt.messages.iter().any(|(_, text)| text == "我叫小明");
            asked.lock().expect("no holder panics").push(prompt);
            let name = if knows { "您叫**小明**。" } else { "我还不知道您的名字。" };
            let answer =
                if question == "我叫小明" { "<think>a name</think>\n\n你好，小明！" } else { name };
            async move { Ok(answer.to_owned()) }
        })
        .await
    };
    let variables = [("MODEL_URL", url.as_str()), ("MODEL", "fake"), ("MODEL_KEY", "sk-example")];
    let example = Example::start("llm-chat", &variables).await;
    example.plays_its_transcripts().await;
    let asked = asked.lock().expect("no holder panics").clone();
    assert_eq!(asked.len(), 4, "neither a word that forgets nor a picture is asked about: {asked:?}");
    for prompt in &asked {
        assert_eq!(prompt.authorization.as_deref(), Some("Bearer sk-example"));
        assert_eq!((prompt.model.as_str(), prompt.messages[0].0.as_str()), ("fake", "system"));
    }
    let log = example.log();
    assert!(!log.contains("sk-example") && !log.contains("小明"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_service_answers_by_call_back() {
    let example = Example::start("python-http", &[]).await;
    example.plays_its_transcripts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_coffee_shop_of_the_scenarios_answers() {
    let example = Example::start("sandbox", &[]).await;
    example.plays_its_transcripts().await;
}
