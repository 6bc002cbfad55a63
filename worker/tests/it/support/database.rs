//! Real database servers for tests: a MariaDB and a PostgreSQL. Each test process has its own, in a folder and on a port of its
//! own, gone when the process is.
//!
//! Also used by the end-to-end tests of the binary, so it knows nothing of the others here.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A server that all tests of this process share.
pub(crate) struct DatabaseServer {
    /// `mysql://…` or `postgres://…` with user and password, without a database and a slash.
    pub(crate) url: String,
    /// Where its files are, with MariaDB's `socket`.
    #[allow(dead_code, reason = "only the end-to-end tests look there")]
    pub(crate) folder: PathBuf,
    /// Its end is this process's.
    _child: Child,
}

/// What a password must look like to be found in a text by mistake.
pub(crate) const PASSWORD: &str = "pass-w0rd-of-the-shop";

impl DatabaseServer {
    /// A MariaDB whose user may do everything.
    pub(crate) fn mariadb() -> &'static Self {
        static SHARED: OnceLock<DatabaseServer> = OnceLock::new();
        SHARED.get_or_init(|| {
            let (folder, port) = (folder("mariadb"), free_port());
            let data = folder.join("data");
            let user: &[&str] = if is_root() { &["--user=root"] } else { &[] };
            run(Command::new("mariadb-install-db")
                .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"])
                .args(["--auth-root-authentication-method=normal", "--innodb-log-file-size=8M"])
                .args(user)
                .arg(path_argument("--datadir=", &data)));
            let init = folder.join("init.sql");
            let grants = format!(
                "CREATE USER shop@'%' IDENTIFIED BY '{PASSWORD}';\nGRANT ALL ON *.* TO shop@'%' WITH GRANT OPTION;\n"
            );
            std::fs::write(&init, grants).expect("the folder can be written to");
            let mut server = Command::new("mariadbd");
            server.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin"]).args(user);
            server.args(["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"]);
            server.args(["--innodb-flush-log-at-trx-commit=0", "--character-set-server=utf8mb4"]);
            server.arg(format!("--port={port}")).arg(path_argument("--datadir=", &data));
            server.arg(path_argument("--socket=", &folder.join("socket")));
            server.arg(path_argument("--init-file=", &init));
            let url = format!("mysql://shop:{PASSWORD}@127.0.0.1:{port}");
            Self { url, _child: serve(&server, &folder, "-9"), folder }
        })
    }

    /// A PostgreSQL whose user may do everything.
    pub(crate) fn postgres() -> &'static Self {
        static SHARED: OnceLock<DatabaseServer> = OnceLock::new();
        SHARED.get_or_init(|| {
            let programs = postgres_programs().expect("PostgreSQL is installed: see tests/run");
            let (folder, port) = (folder("postgres"), free_port());
            let (data, password) = (folder.join("data"), folder.join("password"));
            std::fs::write(&password, PASSWORD).expect("the folder can be written to");
            run(as_postgres(&programs.join("initdb"))
                .args([
                    "--no-sync",
                    "--username=shop",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                ])
                .arg(path_argument("--pwfile=", &password))
                .arg(&data));
            let mut server = as_postgres(&programs.join("postgres"));
            server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "fsync=off"]);
            server.args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100", "-k", ""]);
            let url = format!("postgres://shop:{PASSWORD}@127.0.0.1:{port}");
            Self { url, _child: serve(&server, &folder, "-QUIT"), folder }
        })
    }
}

fn postgres_programs() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = std::env::split_paths(&on_path).chain(packaged.map(|version| version.path().join("bin")));
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

/// A folder that any user may write to, removed with the server.
fn folder(name: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = std::env::temp_dir().join(format!("huixin-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    folder
}

fn path_argument(flag: &str, path: &Path) -> std::ffi::OsString {
    [OsStr::new(flag), path.as_os_str()].into_iter().collect()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: see tests/run"));
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {log}{}", String::from_utf8_lossy(&output.stdout));
}

/// Starts the server under a shell that waits for this process to end, then ends the server and removes the folder.
fn serve(server: &Command, folder: &Path, signal: &str) -> Child {
    let script = r#"folder=$1; signal=$2; shift 2
        "$@" >"$folder/server.log" 2>&1 & pid=$!
        cat >/dev/null; kill "$signal" $pid 2>/dev/null; wait $pid; rm -rf "$folder""#;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script, "sh"])
        .arg(folder)
        .arg(signal)
        .arg(server.get_program())
        .args(server.get_args());
    let child = shell
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("sh can be started");
    let deadline = Instant::now() + Duration::from_secs(60);
    let log = || std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    // MariaDB's words, and PostgreSQL's.
    while !["ready for connections", "ready to accept connections"].iter().any(|ready| log().contains(ready))
    {
        assert!(Instant::now() < deadline, "{server:?} does not start: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
    child
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").expect("this is Linux")) == 0
}

/// A port that no outgoing connection is given, so that nobody has it by the time the server wants it.
fn free_port() -> u16 {
    static TRIES: AtomicU32 = AtomicU32::new(0);
    loop {
        let tried = std::process::id().wrapping_mul(31).wrapping_add(TRIES.fetch_add(1, Ordering::Relaxed));
        // Below the ports that Linux gives to outgoing connections.
        let port = u16::try_from(16_384 + tried % 16_384).expect("it is below 32,768");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
