//! A real redis-server for tests: its own folder, a free port, AOF on, gone when its owner is.
//!
//! It runs under a small shell that waits for its standard input to close and then kills it, so that it goes even
//! when the test process is killed. Nothing is skipped without Redis: a test that needs it fails and says so.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const ANSWERS: &str = "it answers";

/// A redis-server that belongs to one test or one test binary.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    extra: Vec<String>,
    variables: Vec<(&'static str, String)>,
    folder: PathBuf,
    _temp: Option<tempfile::TempDir>,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one with `appendonly yes`, `appendfsync everysec` and `extra` settings (`["--requirepass", "x"]`).
    ///
    /// # Panics
    /// When redis-server isn't installed or doesn't answer within ten seconds: the test can't go on.
    pub fn start(extra: &[&str]) -> Self {
        Self::start_in(&[], extra)
    }

    /// The same, with variables in its environment.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_in(variables: &[(&'static str, String)], extra: &[&str]) -> Self {
        let temp = tempfile::tempdir().expect("a temporary folder can be made");
        let mut server = Self {
            port: free_port(),
            extra: extra.iter().map(ToString::to_string).collect(),
            variables: variables.to_vec(),
            folder: temp.path().to_owned(),
            _temp: Some(temp),
            child: None,
        };
        // A node of a cluster needs the port 10,000 higher too, which somebody's connection may have for long.
        while !server.try_start(&[], ANSWERS, answers) {
            server.port = free_port();
        }
        server
    }

    /// The one that all tests of this process share, each under its own key prefix.
    pub fn shared() -> &'static Self {
        static SHARED: std::sync::OnceLock<RedisServer> = std::sync::OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    /// Its URL, database 0.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again on the same port and files, after [`Self::kill`].
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn restart(&mut self) {
        self.start_as(&[], ANSWERS, answers);
    }

    /// Starts it again so that it is loading its snapshot for a long time, and returns while it is: each key takes a
    /// hundredth of a second, until `key-load-delay` is set to 0.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn restart_slowly(&mut self) {
        let more = ["--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024"];
        self.start_as(&more, "it is loading", |answer| answer.starts_with(b"-LOADING"));
    }

    /// Starts it again so that its append-only file takes it some time, a fifth of a millisecond each call, until
    /// `key-load-delay` is set to 0. It answers only once in 1,024 calls until then, so with a short file it may be ready
    /// when this returns.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn restart_loading(&mut self) {
        let loads_or_serves = |answer: &[u8]| answer.starts_with(b"-LOADING") || answer.starts_with(b"+PONG");
        // In small steps, or it is silent for long while it reads a large base file.
        let more = ["--key-load-delay", "200", "--loading-process-events-interval-bytes", "65536"];
        self.start_as(&more, "it loads or answers", loads_or_serves);
    }

    fn start_as(&mut self, more: &[&str], what: &str, is_so: impl Fn(&[u8]) -> bool) {
        for _ in 0..100 {
            if self.try_start(more, what, &is_so) {
                return;
            }
            // While it was away its port was free, and somebody's connection has it for the moment.
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the port {} is not free", self.port);
    }

    /// False if it can't have its port.
    fn try_start(&mut self, more: &[&str], what: &str, is_so: impl Fn(&[u8]) -> bool) -> bool {
        self.spawn(more);
        let started = self.until(what, is_so);
        if !started {
            self.reap();
        }
        started
    }

    fn spawn(&mut self, more: &[&str]) {
        assert!(self.child.is_none(), "it runs already");
        let script = r#"redis-server "$@" >server.log 2>&1 & echo $! >pid; cat >/dev/null; kill -9 $(cat pid) 2>/dev/null"#;
        let mut command = Command::new("sh");
        command.current_dir(&self.folder).args(["-c", script, "sh"]);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "everysec", "--daemonize", "no"]);
        command.args(&self.extra).args(more).envs(self.variables.iter().cloned()).stdin(Stdio::piped());
        self.child = Some(command.spawn().expect("sh can be started"));
    }

    /// False if it says that it can't have its port.
    fn until(&self, what: &str, is_so: impl Fn(&[u8]) -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.ping().is_some_and(|answer| is_so(&answer)) {
            let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
            if log.contains("Address already in use") {
                return false;
            }
            assert!(
                Instant::now() < deadline,
                "redis-server on port {}: not so: {what} (is it installed?): {log}",
                self.port
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// `kill -9`: what its AOF holds is there again after [`Self::restart`].
    pub fn kill(&mut self) {
        self.signal("-9");
        self.reap();
    }

    /// Sends it a signal, such as `-STOP` and `-CONT`.
    ///
    /// # Panics
    /// When it doesn't run.
    pub fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.folder.join("pid")).expect("a started server has a pid file");
        let status = Command::new("kill").args([signal, pid.trim()]).status().expect("kill can be started");
        assert!(status.success(), "the server can be signalled");
    }

    /// Runs `redis-cli` with these arguments and gives its output.
    ///
    /// # Panics
    /// When redis-cli can't be started.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(arguments)
            .output()
            .expect("redis-cli can be started");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The folder with its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps what lies in its append-only file now, in a folder of its own beside it: a later rewrite would remove it.
    /// Nothing is copied, and what is appended before that rewrite is kept too.
    ///
    /// # Panics
    /// When `cp` can't be started.
    pub fn keep_files(&self) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let kept = self.folder.join(format!("kept-{:03}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let files = self.folder.join("appendonlydir");
        // Files that come and go at this moment are in another of these folders.
        let _ = Command::new("cp").arg("-al").args([files, kept]).output().expect("cp can be started");
    }

    /// What it answers to PING, if it does.
    fn ping(&self) -> Option<Vec<u8>> {
        use std::io::Read as _;
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_millis(500))).ok()?;
        let mut answer = [0_u8; 64];
        stream.write_all(b"PING\r\n").ok()?;
        let length = stream.read(&mut answer).ok()?;
        Some(answer[..length].to_vec())
    }

    fn reap(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// Whether it is ready: a server that asks for a password is, one that still loads its files isn't.
fn answers(answer: &[u8]) -> bool {
    answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAUTH")
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.reap();
    }
}

/// A port that was free a moment ago, and that no outgoing connection is given. Otherwise somebody could have it when a
/// killed server wants it back, even a client that tries to reach that server.
///
/// # Panics
/// When a hundred ports are all in use.
pub fn free_port() -> u16 {
    const TRIES: usize = 100;
    // Below the ports that Linux gives to outgoing connections.
    let ports = (0..TRIES).map(|_| rand::random_range(16_384..32_768));
    let mut free = ports.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("one of a hundred ports is free")
}
