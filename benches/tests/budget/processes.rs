//! Instructions of real processes, counted by callgrind between two moments of their lives.
//!
//! The start isn't counted: it waits for clocks, and so it costs now more and now less. What a process does by the clock later,
//! such as its beats, is, so the smallest of some rounds is taken: on a busy machine a round lasts longer.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use huixin_benches::client::{Manner, push};
use huixin_benches::pushes::{BODY_BYTES, Series};
use huixin_benches::sink;
use huixin_queue::testing::RedisServer;

/// How much is counted.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// Messages before anything is counted: connections are made, scripts loaded, tables grown.
    pub(crate) warm_up: usize,
    /// Messages of a round.
    pub(crate) messages: usize,
    pub(crate) rounds: usize,
}

/// Counting makes a process fifty times as slow.
const PATIENCE: Duration = Duration::from_secs(120);
/// Callgrind's file.
const OUT: &str = "callgrind.out";

/// One push at a receiver, of those that come over so many connections at once.
pub(crate) fn accept(huixin: &Path, sizes: Sizes, connections: usize) -> f64 {
    let installation = Installation::start(huixin);
    let receiver = installation.counted("receiver", &[]);
    installation
        .least(sizes, &receiver, |first, count| installation.push(&receiver, first, count, connections))
}

/// One message at a worker, from its take to its end, one at a time: of many under way, how many share a call differs from round
/// to round. It is pushed at the same time, by a receiver that isn't counted and therefore much faster.
pub(crate) fn message(huixin: &Path, sizes: Sizes) -> f64 {
    let installation = Installation::start(huixin);
    let receiver = installation.spawn("receiver", Command::new(huixin), &[]);
    let worker = installation.counted("worker", &[("HUIXIN_WORKER__CONCURRENCY", "1")]);
    installation.least(sizes, &worker, |first, count| {
        installation.push(&receiver, first, count, 16);
        installation.wait_for_sends(first + count);
    })
}

/// A Redis, a sink, and a configuration in a folder.
struct Installation<'a> {
    huixin: &'a Path,
    folder: tempfile::TempDir,
    sink: SocketAddr,
    _redis: RedisServer,
}

impl<'a> Installation<'a> {
    fn start(huixin: &'a Path) -> Self {
        let (folder, redis) = (tempfile::tempdir().unwrap(), RedisServer::start(&[]));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let sink = listener.local_addr().unwrap();
        std::thread::spawn(move || sink::serve(listener));
        let config = format!(
            "[queue]\nurl = \"{}\"\n[receiver]\nlisten = \"127.0.0.1:0\"\nack_budget = \"4s\"\n\
             [worker]\nlease = \"5m\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [account.a0]\napp_id = \"wx0000000000000001\"\napp_secret = \"secret\"\ntoken = \"token\"\n\
             api_base = \"http://{sink}\"\n[[route]]\nname = \"echo\"\ntyping = false\nreply = \"echo {{{{ content }}}}\"\n",
            redis.url()
        );
        std::fs::write(folder.path().join("huixin.toml"), config).unwrap();
        Self { huixin, folder, sink, _redis: redis }
    }

    /// A role whose instructions are counted.
    fn counted(&self, role: &str, variables: &[(&str, &str)]) -> Process {
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", &format!("--callgrind-out-file={OUT}")]).arg(self.huixin);
        self.spawn(role, command, variables)
    }

    /// A role, ready.
    fn spawn(&self, role: &str, mut command: Command, variables: &[(&str, &str)]) -> Process {
        let log = self.folder.path().join(format!("{role}.log"));
        let output = File::create(&log).unwrap();
        command.args([role, "--config", "huixin.toml"]).current_dir(self.folder.path());
        // With one thread no task goes from one to another, which would cost now more and now less.
        command.env("TOKIO_WORKER_THREADS", "1").env("NO_COLOR", "1").envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().expect("valgrind and the command can be started");
        let process = Process { child, log };
        process.address_after("health and metrics are served url=http://");
        process
    }

    /// Each from another user.
    fn push(&self, receiver: &Process, first: usize, count: usize, connections: usize) {
        let series = Series {
            path: "/wechat/a0".to_owned(),
            accounts: 1,
            users: first + count,
            first,
            token: "token".to_owned(),
            sealed: None,
            body_bytes: BODY_BYTES,
        };
        let to = receiver.address_after("pushes are received url=http://");
        let manner = Manner { to, connections, threads: 1, per_second: None };
        let outcome = push(series, count, manner).unwrap();
        assert_eq!(outcome.accepted(), count, "{outcome:?}");
    }

    /// Waits until each message was answered, and none twice.
    fn wait_for_sends(&self, messages: usize) {
        let deadline = Instant::now() + PATIENCE;
        let all = format!(r#"{{"sent":{messages},"distinct":{messages},"#);
        loop {
            let mut stream = TcpStream::connect(self.sink).unwrap();
            stream.write_all(b"GET /counts HTTP/1.1\r\n\r\n").unwrap();
            let mut output = vec![0; 4096];
            let length = stream.read(&mut output).unwrap();
            let output = String::from_utf8_lossy(&output[..length]).into_owned();
            if output.contains(&all) {
                return;
            }
            assert!(Instant::now() < deadline, "of {messages} messages: {output}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The instructions of one message of those that `work` brings, which gets the first one's number and how many.
    fn least(&self, sizes: Sizes, process: &Process, work: impl Fn(usize, usize)) -> f64 {
        let Sizes { warm_up, messages, rounds } = sizes;
        work(0, warm_up);
        let rounds = (0..rounds).map(|round| {
            process.control("--zero");
            work(warm_up + round * messages, messages);
            process.control("--dump");
            // Dumps are numbered, from 1.
            let text = self.folder.path().join(format!("{OUT}.{}", round + 1));
            let text = std::fs::read_to_string(text).expect("callgrind has written its counts");
            let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
            totals.expect("there is a sum").trim().parse::<f64>().unwrap() / messages as f64
        });
        let rounds: Vec<f64> = rounds.collect();
        println!("instructions of each round: {rounds:.0?}");
        rounds.into_iter().fold(f64::INFINITY, f64::min)
    }
}

/// A running process; killed when dropped.
struct Process {
    child: Child,
    log: std::path::PathBuf,
}

impl Process {
    /// The address that its log names after these words, once it does.
    fn address_after(&self, words: &str) -> SocketAddr {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap();
            let rest = log.split_once(words).and_then(|(_, rest)| rest.split_once('/'));
            if let Some(address) = rest.and_then(|(address, _)| address.parse().ok()) {
                return address;
            }
            assert!(Instant::now() < deadline, "the log never says {words:?}: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks callgrind for something.
    fn control(&self, what: &str) {
        let output = Command::new("callgrind_control").args([what, &self.child.id().to_string()]).output();
        let output = output.expect("valgrind is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
