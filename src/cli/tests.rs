//! The command line as people see it.

use clap::CommandFactory;
use insta::assert_snapshot;

use super::*;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn flags_become_overrides_of_their_command_alone() {
    let overrides = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().command.overrides();
    let run = overrides(
        "huixin run --queue-url redis://h --listen 0.0.0.0:1 --admin-listen 0.0.0.0:2 --concurrency 3",
    );
    assert_eq!(run.queue_url.as_deref(), Some("redis://h"));
    assert_eq!(run.receiver_listen.unwrap().port(), 1);
    assert_eq!(run.admin_listen.unwrap().port(), 2);
    assert_eq!(run.worker_concurrency, Some(3));
    assert!(overrides("huixin worker --concurrency 3").receiver_listen.is_none());
    assert!(Cli::try_parse_from(["huixin", "worker", "--listen", "0.0.0.0:1"]).is_err());
    assert!(Cli::try_parse_from(["huixin", "receiver", "--concurrency", "1"]).is_err());
    assert!(overrides("huixin route test --text -x").queue_url.is_none());
    // The chat page's address is not the receiver's.
    assert!(overrides("huixin dev --listen 127.0.0.1:9").receiver_listen.is_none());
}

#[test]
fn a_pause_of_nothing_named_asks_for_an_account_and_not_for_everything() {
    for (line, usage) in [
        ("huixin pause", "  <ACCOUNT|--all>"),
        ("huixin resume --reason x", "unexpected argument '--reason'"),
        ("huixin pause main --all", "cannot be used with"),
    ] {
        let text = Cli::try_parse_from(line.split(' ')).unwrap_err().to_string();
        assert!(text.contains(usage) && text.contains(" [OPTIONS] ACCOUNT [USER]\n"), "{text}");
    }
    assert!(Cli::try_parse_from(["huixin", "pause", "--all"]).is_ok());
    assert!(Cli::try_parse_from(["huixin", "pause", "main", "oABC"]).is_ok());
}

#[test]
fn global_flags_may_stand_behind_the_command() {
    let cli =
        Cli::try_parse_from(["huixin", "check", "--print", "--config", "a.toml", "--log-format", "json"])
            .unwrap();
    assert_eq!(cli.global.config, Some("a.toml".into()));
    assert_eq!(cli.global.log_format, LogFormat::Json);
}

#[test]
fn the_help_of_every_command_is_pinned() {
    let mut root = Cli::command().term_width(100);
    let mut text = format!("{}\n", root.render_long_help());
    root.build();
    for command in root.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        let rule = "=".repeat(100);
        text += &format!("{rule}\n{}\n", command.render_long_help());
    }
    let text: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_snapshot!(text, @r#"
    A queue-backed processor for WeChat Official Account messages: ack fast, reply later

    Usage: huixin [OPTIONS] <COMMAND>

    Commands:
      dev          Start everything against a pretend WeChat, with a chat page; needs no configuration
      init         Write a first configuration, from up to five questions or from flags
      run          Start receiver and worker in one process
      receiver     Start a receiver: it checks, stores and acks what WeChat pushes
      worker       Start a worker: it runs handlers and sends their replies
      sandbox      Start the pretend WeChat and its chat page alone; play scenarios, or load a receiver
      check        Check the configuration and what it points to
      route        Ask which route takes a message, and why those before it don't
      handler      Try out the service of an `http` route, without WeChat and without a queue
      health       Ask a running process whether it is healthy; exits with 0 or 1, as containers expect
      status       Show how many messages are open, running, delayed, held and dead
      trace        Show what became of messages
      dead         Show, retry and drop dead letters
      lane         Show one user's unfinished messages, and what they wait for
      pause        Stop handling messages of an account, a user or everybody; pushes are still accepted
      resume       Resume what is paused; name it as you did for `pause`
      forget       Remove all that is kept of a user
      audit        Check the queue for damage; changes nothing
      spool        Show and drain what receivers wrote to this machine's disk while Redis was unavailable
      completions  Print a shell's completion script: bash, zsh, fish, elvish or powershell
      help         Print this message or the help of the given subcommand(s)

    Options:
          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin dev                              try it, with nothing else installed
      huixin init                             write a first huixin.toml
      huixin check --config huixin.toml       see what is wrong before starting
      huixin run --config huixin.toml         receiver and worker in one process, queue in a file
      huixin worker --config huixin.toml      one of many workers, queue on Redis

    A flag overrides the environment (HUIXIN_QUEUE__URL for `queue.url`), and the environment the file.
    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 stopped with a spool that is not empty,
    4 no route takes the message, 64 wrong configuration.

    ====================================================================================================
    Start everything against a pretend WeChat, with a chat page; needs no configuration

    Usage: huixin dev [OPTIONS]

    Options:
          --data <DIR>
              Where messages are kept between starts [default: a temporary folder]

          --listen <ADDR>
              The address of the chat page

              [default: 127.0.0.1:8088]

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin dev                              nothing is kept
      huixin dev --data ./huixin-dev          messages are kept in this folder
      huixin dev --config huixin.toml         the routes of a configuration, without the real WeChat

    Its other ports, by a variable or by the key in the file; where a port is taken, the next free one is used:
      HUIXIN_RECEIVER__LISTEN  receiver.listen  127.0.0.1:8080  pushes of the pretend WeChat
      HUIXIN_ADMIN__LISTEN     admin.listen     127.0.0.1:9600  health, metrics, and what operators ask
      HUIXIN_CALLBACK__LISTEN  callback.listen  127.0.0.1:9700  answers by call back

    ====================================================================================================
    Write a first configuration, from up to five questions or from flags

    Usage: huixin init [OPTIONS]

    Options:
          --app-id <APPID>
              The account's AppID, `wx…`; `none` if there is none yet: the pretend WeChat's own is written

          --mode <MODE>
              How WeChat sends pushes: safe (encrypted) or plain; never asked

              [default: safe]

          --handler <KIND>
              What answers: reply, http, chat or sql

          --address <TEXT>
              What it answers with: the text of `reply`, the URL of `http`, the base URL of `chat`, the database of `sql`

          --model <NAME>
              The model, for `chat` only

          --store <URL>
              Where messages wait: sqlite:PATH, redis://… or rediss://…

          --force
              Replace the file if it exists

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin init                             asks up to five questions
      huixin init --app-id none --handler http --address http://127.0.0.1:9000/ --store sqlite:huixin.db
      huixin init --config bot.toml --force   another file, replaced if it exists
    The AppSecret is never asked: it comes from HUIXIN_ACCOUNT__MAIN__APP_SECRET, or from a file of its own.

    ====================================================================================================
    Start receiver and worker in one process

    Usage: huixin run [OPTIONS]

    Options:
          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --listen <ADDR>
              The address that WeChat's pushes come to, in place of `receiver.listen` in the file

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --concurrency <N>
              How many messages are handled at once, in place of `worker.concurrency` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin run                              with huixin.toml in this folder
      huixin run --listen 0.0.0.0:8080        reached from other machines
      HUIXIN_ACCOUNT__MAIN__APP_SECRET=… huixin run

    ====================================================================================================
    Start a receiver: it checks, stores and acks what WeChat pushes

    Usage: huixin receiver [OPTIONS]

    Options:
          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --listen <ADDR>
              The address that WeChat's pushes come to, in place of `receiver.listen` in the file

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin receiver --config huixin.toml
      huixin receiver --queue-url redis://10.0.0.5:6379/0 --listen 0.0.0.0:8080

    ====================================================================================================
    Start a worker: it runs handlers and sends their replies

    Usage: huixin worker [OPTIONS]

    Options:
          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --concurrency <N>
              How many messages are handled at once, in place of `worker.concurrency` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin worker --config huixin.toml
      huixin worker --queue-url redis://10.0.0.5:6379/0 --concurrency 1000
      huixin worker --admin-listen 127.0.0.1:9602     a second one on this machine

    ====================================================================================================
    Start the pretend WeChat and its chat page alone; play scenarios, or load a receiver

    Usage: huixin sandbox [OPTIONS]
           huixin sandbox <COMMAND>

    Commands:
      play   Play scenarios: users who do something, trouble, and what must come of it
      flood  Load a receiver with signed pushes, and show how long its acks take
      help   Print this message or the help of the given subcommand(s)

    Options:
          --listen <ADDR>
              The address of the chat page and of the pretend API

              [default: 127.0.0.1:8088]

          --receiver <URL>
              The receiver; pushes go to its /wechat/{account name}

              [default: http://127.0.0.1:8080]

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin sandbox                          pushes to a receiver on port 8080 of this machine
      huixin sandbox --config huixin.toml --receiver http://receiver:8080 --listen 0.0.0.0:8088
      huixin sandbox play --config huixin.toml scenario.toml
      huixin sandbox flood --rate 500/s --for 30s

    Workers send to it when the account has api_base = "http://127.0.0.1:8088".
    docs/sandbox.md describes what it does and how programs drive it.

    ====================================================================================================
    Check the configuration and what it points to

    Usage: huixin check [OPTIONS]

    Options:
          --print
              Print the effective values, secrets masked, and exit

          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --listen <ADDR>
              The address that WeChat's pushes come to, in place of `receiver.listen` in the file

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --concurrency <N>
              How many messages are handled at once, in place of `worker.concurrency` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin check                            one line for each fact
      huixin check --print                    the effective values and where each came from

    ====================================================================================================
    Ask which route takes a message, and why those before it don't

    Usage: huixin route [OPTIONS] <COMMAND>

    Commands:
      test  Say which route takes a message, with its captures, and why those before it don't; calls no service
      help  Print this message or the help of the given subcommand(s)

    Options:
          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin route test --text '?18-546'                      a text to the only account
      huixin route test --xml push.xml --account main         whatever WeChat pushed
      huixin dead show ID --json | jq -r .body | huixin route test --xml -

    Exit codes: 0 a route takes it, 4 none does: it ends without a reply. docs/routes.md has the JSON.

    ====================================================================================================
    Try out the service of an `http` route, without WeChat and without a queue

    Usage: huixin handler [OPTIONS] <COMMAND>

    Commands:
      test  Send it each kind of message, exactly as a worker does, and judge its answers
      help  Print this message or the help of the given subcommand(s)

    Options:
          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin handler test http://127.0.0.1:9000/
      huixin handler test http://127.0.0.1:9000/lookup --text '?18-546' --timeout 30s
      huixin handler test https://bot.example.com/ask --secret-file webhook-secret
    Pictures and other media that an answer names are not fetched. After a 202 the call back isn't waited for.
    Exit codes: 0 every answer is good, 1 one isn't. docs/http-handler.md describes requests and answers.

    ====================================================================================================
    Ask a running process whether it is healthy; exits with 0 or 1, as containers expect

    Usage: huixin health [OPTIONS]

    Options:
          --url <URL>
              The URL to ask: /healthz for "alive", /readyz for "able to work"

              [default: http://127.0.0.1:9600/healthz]

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin health                                      a receiver's or `run`'s
      huixin health --url http://127.0.0.1:9600/readyz
      huixin health --url http://127.0.0.1:9601/readyz   a worker's

    ====================================================================================================
    Show how many messages are open, running, delayed, held and dead

    Usage: huixin status [OPTIONS]

    Options:
          --json
              Print JSON for programs

          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Messages that are
      open      accepted and not finished yet; the next three are among them
      running   with a worker
      delayed   waiting for their next attempt (one failed, or could not be made yet), or for an answer by call back
      held      answered, but WeChat doesn't allow the reply now: it waits until the user writes again
      dead      ended without an answer, kept with the reason until `huixin dead` retries or drops them

    ====================================================================================================
    Show what became of messages

    Usage: huixin trace [OPTIONS] [ID]

    Arguments:
      [ID]
              A message's id: the one in the log, or WeChat's MsgId

    Options:
          --account <NAME>
              Only of this account

          --user <OPENID>
              Only of this user of the account

          --since <TIME>
              Only those that came at this time or later [default: a day ago; all with an id]

          --until <TIME>
              Only those that came before this time

          --end <END>
              Only with this end: answered, answered_in_response, no_reply, unmatched, dead

          --code <CODE>
              Only those that WeChat refused with this code

          --limit <N>
              Show at most this many

              [default: 100]

          --json
              Print JSON for programs

          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin trace --account main --user oABC123 --since 14:00 --until 14:10   "the bot did not answer at 14:03"
      huixin trace mdqnN2gYp0bhq2QkJx3LVug                                     one message, by its id or WeChat's MsgId
      huixin trace --end dead --since 2h                                       what died in the last two hours
      huixin trace --code 45015                                                what WeChat refused with this code

    Times: 14:03 (today in Beijing), "2026-11-29 14:03" (Beijing), 2026-11-29T06:03:00Z, or how long ago: 30m, 2h.
    Pushes that were refused at the door are counted below, by account, reason and hour.

    ====================================================================================================
    Show, retry and drop dead letters

    Usage: huixin dead [OPTIONS] <COMMAND>

    Commands:
      list   List them, the youngest first
      show   Show one with its whole push
      retry  Put one, or all that match, back at the end of their users' lanes
      drop   Remove one, or all that match, for good
      help   Print this message or the help of the given subcommand(s)

    Options:
          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin dead list --reason 45015
      huixin dead show mIJR1lpMuzx8PpJEz8gyOCw
      huixin dead retry mIJR1lpMuzx8PpJEz8gyOCw --yes
      huixin dead drop --all --account main --reason "can't be understood"
    Exit codes: 0 done, or nothing matches; 1 failed, or --yes is missing: nothing is changed.

    ====================================================================================================
    Show one user's unfinished messages, and what they wait for

    Usage: huixin lane [OPTIONS] <ACCOUNT> <USER>

    Arguments:
      <ACCOUNT>
              The account's name in the configuration

      <USER>
              The user's OpenID

    Options:
          --json
              Print JSON for programs

          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    ====================================================================================================
    Stop handling messages of an account, a user or everybody; pushes are still accepted

    Usage: huixin pause [OPTIONS] ACCOUNT [USER]
           huixin pause [OPTIONS] --all

    Arguments:
      [ACCOUNT]
              One account: its name in the configuration

      [USER]
              One user of this account: the OpenID

    Options:
          --all
              Every account of the queue, in place of one

          --reason <TEXT>
              Why, shown by `status`

              [default: ""]

          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin pause main --reason "the backend moves"     pushes are accepted, and wait
      huixin pause main oABC123                          one user of the account
      huixin pause --all
      huixin resume main

    ====================================================================================================
    Resume what is paused; name it as you did for `pause`

    Usage: huixin resume [OPTIONS] ACCOUNT [USER]
           huixin resume [OPTIONS] --all

    Arguments:
      [ACCOUNT]
              One account: its name in the configuration

      [USER]
              One user of this account: the OpenID

    Options:
          --all
              Every account of the queue, in place of one

          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    ====================================================================================================
    Remove all that is kept of a user

    Usage: huixin forget [OPTIONS] <ACCOUNT> <USER>

    Arguments:
      <ACCOUNT>
              The account's name in the configuration

      <USER>
              The user's OpenID

    Options:
          --yes
              Do it; without this it is only shown what is there, and the exit code is 1

          --compact
              Write the store anew afterwards, so that its disk doesn't hold what was removed

          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin forget main oABC123                       shows what is kept of this user
      huixin forget main oABC123 --yes --compact
    It removes waiting, running, held and dead messages, the records of the journal, what routes remember, and what is spooled
    on this machine: call it on each machine with a receiver. Messages that aren't at their end get no answer.

    ====================================================================================================
    Check the queue for damage; changes nothing

    Usage: huixin audit [OPTIONS]

    Options:
          --json
              Print JSON for programs

          --queue-url <URL>
              The queue, in place of `queue.url` in the file: redis://…, rediss://… or sqlite:PATH

          --admin-listen <ADDR>
              The address of health and metrics, in place of `admin.listen` in the file

          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    ====================================================================================================
    Show and drain what receivers wrote to this machine's disk while Redis was unavailable

    Usage: huixin spool [OPTIONS] <COMMAND>

    Commands:
      status  Show each folder: entries, bytes, the oldest, what is quarantined, and who has it open
      drain   Drain the folders that no receiver has open into the queue
      help    Print this message or the help of the given subcommand(s)

    Options:
          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin spool status                     also while receivers run
      huixin spool drain                      when the receivers of this machine are gone for good

    ====================================================================================================
    Print a shell's completion script: bash, zsh, fish, elvish or powershell

    Usage: huixin completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>
              The shell

              [possible values: bash, elvish, fish, powershell, zsh]

    Options:
          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version

    Examples:
      huixin completions bash > ~/.local/share/bash-completion/completions/huixin
      huixin completions fish > ~/.config/fish/completions/huixin.fish
      source <(huixin completions zsh)        for this shell

    ====================================================================================================
    Write a manual page for each command into a folder, for packagers

    Usage: huixin man [OPTIONS] <FOLDER>

    Arguments:
      <FOLDER>
              The folder, created if it doesn't exist

    Options:
          --config <PATH>
              The configuration file; `dev` and `sandbox` don't need one [default: huixin.toml]

              [env: HUIXIN_CONFIG]

          --log-format <FORMAT>
              How log lines are written: human or json

              [env: HUIXIN_LOG_FORMAT]
              [default: human]

      -h, --help
              Print help

      -V, --version
              Print version
    "#);
}
