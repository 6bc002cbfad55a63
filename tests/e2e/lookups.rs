//! The look-ups of the example that need no service: their databases are made as its README says, checked and asked.

use std::path::Path;
use std::process::Command;

use huixin_sandbox::{Push, RunningSandbox, SandboxConfig};

use crate::database::DatabaseServer;
use crate::harness::{PATIENCE, Process, free_port};

const FOLDER: &str = "examples/workstation-lookup";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lookup_in_sqlite_answers_without_a_service() {
    let root = copied_example();
    made_as_the_readme_says(root.path(), "factory.db", |command| command);
    answers_without_a_service(root.path(), "huixin-sqlite.toml", |config| config).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lookup_in_mariadb_answers_without_a_service() {
    let server = tokio::task::spawn_blocking(DatabaseServer::mariadb).await.expect("it starts");
    let root = copied_example();
    let client =
        format!("| mariadb --no-defaults --user=root --socket={}", server.folder.join("socket").display());
    made_as_the_readme_says(root.path(), "| mariadb", |command| command.replace("| mariadb", &client));
    let (_, port) = server.url.rsplit_once(':').expect("it has a port");
    answers_without_a_service(root.path(), "huixin-mariadb.toml", |config| {
        config.replace(":3306/", &format!(":{port}/"))
    })
    .await;
}

/// A folder with the example in it, as in the repository.
fn copied_example() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER), root.path().join(FOLDER));
    std::fs::create_dir_all(&to).expect("the folder can be written to");
    for file in std::fs::read_dir(from).expect("the example is there").flatten() {
        std::fs::copy(file.path(), to.join(file.file_name())).expect("its files can be copied");
    }
    root
}

/// Runs the README's command that has this in it.
fn made_as_the_readme_says(root: &Path, has: &str, change: impl Fn(String) -> String) {
    let readme =
        std::fs::read_to_string(root.join(FOLDER).join("README.md")).expect("the example has a README");
    let command = readme.lines().find(|line| line.contains(has) && line.contains("schema.sql"));
    let command = change(command.expect("the README has the command").to_owned());
    let output =
        Command::new("sh").args(["-c", &command]).current_dir(root).output().expect("sh can be started");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The transcript of the example without its service, and what a check says of it.
async fn answers_without_a_service(root: &Path, file: &str, change: impl Fn(String) -> String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (path, receiver_port) = (root.join(FOLDER).join(file), free_port());
    let config = change(std::fs::read_to_string(&path).expect("the example has this configuration"));
    std::fs::write(&path, &config).expect("the folder can be written to");
    let sandbox = RunningSandbox::start(SandboxConfig::default()).await.expect("the sandbox starts");
    let (api_base, listen) = (sandbox.base_url.to_string(), format!("127.0.0.1:{receiver_port}"));
    let variables = [
        ("HUIXIN_ACCOUNT__MAIN__API_BASE", api_base.as_str()),
        ("HUIXIN_RECEIVER__LISTEN", listen.as_str()),
        ("HUIXIN_ADMIN__LISTEN", "127.0.0.1:0"),
    ];
    let at = format!("{FOLDER}/{file}");
    let (is_good, facts) = checked(root, &at, &variables).await;
    assert!(is_good, "{facts}");
    for fact in ["ok   database `factory`: `", "ok   route `lookup`: database `factory` accepts its query"] {
        assert!(facts.contains(fact), "{fact} is not in\n{facts}");
    }
    assert!(!facts.contains("reads-only"), "{facts}");

    let run = Process::spawn(&["run", "--config", &at], root, root.join("run.log"), &variables);
    run.ready().await;
    let push_url = format!("http://{listen}/wechat/main").parse().expect("it is a URL");
    sandbox.sandbox.set_push_url("main", push_url);
    let rows = [
        ("oKnown", "?18-546", "[18-546]的工作台位为[车体新厂房3号]"),
        ("oChinese", "？18-546", "[18-546]的工作台位为[车体新厂房3号]"),
        ("oUnknown", "?99-999", "没有找到工作台位[99-999]，请检查编号。"),
        ("oHall", "?18", "18号厂房有2个工作台位：\n[18-546] 车体新厂房3号\n[18-547] 车体新厂房4号"),
        ("oNoHall", "?99", "没有找到厂房[99]。"),
        (
            "oOther",
            "?18-546' OR '1'='1",
            "收到：?18-546' OR '1'='1\n查询工作台位请发送问号和编号，例如 ?18-546",
        ),
    ];
    for (user, text, _) in rows {
        let report = sandbox.sandbox.push(Push::text("main", user, text)).await;
        assert!(report.ack_ms.is_some_and(|ms| ms < 1000.0), "{report:?}");
    }
    let transcript = sandbox.sandbox.transcript();
    for (user, text, expected) in rows {
        let sent =
            transcript.wait_for_sends(user, 1, PATIENCE).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(sent[0].what.text().unwrap_or_default(), expected, "{text}");
    }
    assert!(!run.log().contains("ERROR"), "{}", run.log());
    drop(run);

    let misspelt = config.replacen("SELECT place", "SELECT plcae", 1);
    std::fs::write(&path, misspelt).expect("the folder can be written to");
    let (is_good, facts) = checked(root, &at, &variables).await;
    assert!(
        !is_good && facts.contains("BAD  route `lookup`: the database refuses the statement: "),
        "{facts}"
    );
    assert!(facts.contains("plcae") && facts.contains("ok   route `hall`"), "{facts}");
}

/// Whether `huixin check` finds all well, and what it says.
async fn checked(root: &Path, config: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let mut check = Process::spawn(&["check", "--config", config], root, root.join("check.log"), variables);
    (check.ended().await.success(), check.log())
}
