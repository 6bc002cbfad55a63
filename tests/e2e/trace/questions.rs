//! "The bot didn't answer at 14:03": the command alone tells the causes apart.

use super::{complete, run, service, setup};
use crate::harness::{PATIENCE, Stack};
use huixin_sandbox::Push;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_tells_why_a_user_got_no_answer() {
    let backend = service().await;
    let mut stack = Stack::on_redis(setup(&backend, 100)).await;
    complete(&stack);
    stack.expect_errors("the message is dead");
    let receiver = stack.role("receiver").await;
    let worker = stack.role("worker").await;
    let admin = "127.0.0.1:1";
    stack.say("oFails", "fail").await;
    stack.say("oRefused", "refused").await;
    let image = Push::image("main", "oUnmatched");
    stack.sandbox.sandbox.push_once(&image).await;
    let forged = format!("{}?signature=0&timestamp=1&nonce=2&openid=oTurnedAway", stack.push_url());
    let answer = reqwest::Client::new().post(forged).body("<xml/>").send().await.expect("it answers");
    assert_eq!(answer.status(), 403);
    stack.wait_until_empty().await;

    let of = async |user: &str| run(&stack, admin, &["trace", "--account", "main", "--user", user]).await;
    let never_came = of("oNobody").await;
    assert!(
        never_came.contains("no such message has ended\nno message of this user is open"),
        "{never_came}"
    );
    let failed = of("oFails").await;
    assert!(failed.contains("  dead  ") && failed.contains("400"), "{failed}");
    let refused = of("oRefused").await;
    assert!(refused.contains("  dead  ") && refused.contains("40007"), "{refused}");
    let unmatched = of("oUnmatched").await;
    assert!(unmatched.contains("  unmatched  "), "{unmatched}");
    // The receiver stores its sums every few seconds.
    let counted = async {
        loop {
            let text = run(&stack, admin, &["trace", "--account", "main"]).await;
            if text.contains("refused at the door") {
                return text;
            }
        }
    };
    let text = tokio::time::timeout(PATIENCE, counted).await.expect("the refusal is counted");
    assert!(text.contains("  main  signature") && text.contains("do: set the account's `token`"), "{text}");
    let turned_away = of("oTurnedAway").await;
    assert!(turned_away.contains("it came, and was turned away"), "{turned_away}");
    let never_came = of("oNobody").await;
    assert!(!never_came.contains("it came"), "{never_came}");
    // The whole history of one, by its id.
    let id = failed.split_whitespace().find(|word| word.starts_with('m') && word.len() == 23).expect("an id");
    let whole = run(&stack, admin, &["trace", id]).await;
    for line in
        ["account    main", "user       oFails", "route      service", "end        dead", "attempts   1"]
    {
        assert!(whole.contains(line), "{line}: {whole}");
    }
    let log = worker.log();
    assert!(log.contains("the message has ended") && log.contains("end=\"dead\""), "{log}");
    drop((receiver, worker));
    stack.end_with_dead().await;
}
