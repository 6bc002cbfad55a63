//! Each user's conversation with a model is exactly their own, in order, whatever happens to the workers.
//!
//! Two users write all they have to say as fast as it is acked, over three workers. The model knows from a question its user
//! and its number, and so what must stand before it: every earlier question of that user with its answer, and nothing else.
//! At some questions it keeps the worker waiting, which is then killed with the question in its hands. The name of the model
//! that a worker asks shows which worker it is.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::crash::impatient;
use crate::harness::{PATIENCE, Process, Prompt, Setup, Stack, long, model};

const USERS: [&str; 2] = ["anna", "bert"];
const SYSTEM: &str = "You count.";
const WORKERS: usize = 3;

/// What the model was asked wrongly.
type Faults = Arc<Mutex<Vec<String>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_users_conversation_is_exactly_his_own_while_workers_are_killed() {
    // At these questions a worker is killed, alternately of the one user and of the other.
    let (turns, kills) = if long() { (50, vec![4, 9, 17, 24, 31, 38, 45]) } else { (12, vec![3, 7, 10]) };
    let deadly: HashSet<String> =
        kills.iter().enumerate().map(|(n, turn)| format!("{} {turn}", USERS[n % 2])).collect();
    let (hold, mut held) = mpsc::unbounded_channel();
    let faults = Faults::default();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let url = {
        let faults = faults.clone();
        model(move |prompt| {
            let judged = judge(&prompt);
            let question = prompt.messages.last().map(|(_, text)| text.clone()).unwrap_or_default();
            let first = seen.lock().expect("no holder panics").insert(question.clone());
            let deadly = first && deadly.contains(&question);
            let (faults, hold) = (faults.clone(), hold.clone());
            async move {
                if deadly {
                    hold.send(prompt.model).map_err(|error| error.to_string())?;
                    // Until the asker is dead.
                    std::future::pending::<()>().await;
                }
                // So that both users' questions are in hand at once.
                tokio::time::sleep(Duration::from_millis(20)).await;
                judged.inspect_err(|fault| faults.lock().expect("no holder panics").push(fault.clone()))
            }
        })
        .await
    };
    let routes = format!(
        "[[route]]\nname = \"chat\"\nchat = {{ base_url = \"{url}\", model = \"worker\", system = \"{SYSTEM}\", \
         turns = 60, context_tokens = 100000 }}\n"
    );
    let setup = Setup { routes, lease: "2s", sandbox: impatient(), ..Setup::default() };
    let mut stack = Stack::on_redis(setup).await;
    let _receiver = stack.role("receiver").await;
    let mut workers = Vec::new();
    for n in 0..WORKERS {
        workers.push(worker(&stack, n, 0).await);
    }

    let [anna, bert] = USERS.map(|user| {
        let stack = &stack;
        async move {
            for turn in 1..=turns {
                stack.say(user, &format!("{user} {turn}")).await;
            }
        }
    });
    let killing = async {
        for (round, _) in kills.iter().enumerate() {
            let holder = tokio::time::timeout(PATIENCE, held.recv()).await.expect("a question is held");
            let name = holder.expect("the model is there");
            let n: usize = name.strip_prefix("worker").and_then(|n| n.parse().ok()).expect("it is a worker");
            workers[n].kill();
            assert!(!workers[n].log().contains("panicked"), "{}", workers[n].log());
            workers[n] = worker(&stack, n, round + 1).await;
        }
    };
    tokio::join!(anna, bert, killing);
    stack.wait_until_empty().await;

    assert_eq!(*faults.lock().expect("no holder panics"), Vec::<String>::new());
    for user in USERS {
        // A worker killed between a send and its record leaves open whether the send was made: then it is made again.
        let mut texts = stack.texts_to(user);
        texts.dedup();
        let expected: Vec<String> = (1..=turns).map(|turn| format!("turn {turn} of {user}")).collect();
        assert_eq!(texts, expected);
    }
    println!("{turns} turns of {} users, {} kills", USERS.len(), kills.len());
    stack.end().await;
}

/// The answer, if the prompt is exactly what it must be.
fn judge(prompt: &Prompt) -> Result<String, String> {
    let question = prompt.messages.last().map(|(_, text)| text.as_str()).unwrap_or_default();
    let (user, turn) = question.split_once(' ').ok_or("the question is none of this test's")?;
    let turn: usize = turn.parse().map_err(|_| "the question has no number")?;
    let mut expected = vec![("system".to_owned(), SYSTEM.to_owned())];
    for n in 1..=turn {
        expected.push(("user".to_owned(), format!("{user} {n}")));
        if n < turn {
            expected.push(("assistant".to_owned(), format!("turn {n} of {user}")));
        }
    }
    if prompt.messages == expected {
        Ok(format!("turn {turn} of {user}"))
    } else {
        Err(format!("for {question:?} it was asked {:?}", prompt.messages))
    }
}

/// Starts a worker that asks the model under a name of its own.
async fn worker(stack: &Stack, n: usize, round: usize) -> Process {
    let folder = stack.folder.path();
    let config = std::fs::read_to_string(folder.join("huixin.toml")).expect("the configuration is there");
    let own = config.replace("model = \"worker\"", &format!("model = \"worker{n}\""));
    assert_ne!(own, config);
    let file = format!("worker{n}.toml");
    std::fs::write(folder.join(&file), own).expect("the folder can be written to");
    let log = folder.join(format!("worker{n}-{round}.log"));
    let process = Process::spawn(&["worker", "--config", &file], folder, log, &[]);
    process.ready().await;
    process
}
