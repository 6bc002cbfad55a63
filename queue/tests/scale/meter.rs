//! What calls cost: the CPU time of Redis's one thread, or, where there is no server to ask, wall time.

use std::time::{Duration, Instant};

use huixin_queue::testing::RedisServer;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

use super::control::{self, Control};

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// An entry of `SLOWLOG`: its number, when, how long in µs, the command, the client's address and name.
type Slow = (u64, u64, u64, Vec<Vec<u8>>, String, String);

pub(crate) struct Meter {
    source: Source,
    /// The most commands that a single take has run so far, those of its script included: unlike time, the same on every
    /// machine.
    pub(crate) take_commands_max: f64,
}

enum Source {
    Redis { connection: MultiplexedConnection, calls_before: u64, control: Control },
    Time(Instant),
}

impl Meter {
    pub(crate) async fn of_redis(server: &RedisServer) -> Self {
        let client = redis::Client::open(server.url()).expect("the URL is right");
        // The client's own 500 ms are less than a host may stand still.
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
        let connecting = client.get_multiplexed_async_connection_with_config(&patient);
        let mut connection = connecting.await.expect("Redis runs");
        let control = Control::prepare(&mut connection).await;
        let () =
            redis::cmd("SLOWLOG").arg("RESET").query_async(&mut connection).await.expect("Redis answers");
        let calls_before = scripts_run(&mut connection).await.0;
        Self { source: Source::Redis { connection, calls_before, control }, take_commands_max: 0.0 }
    }

    pub(crate) fn of_time() -> Self {
        Self { source: Source::Time(Instant::now()), take_commands_max: 0.0 }
    }

    pub(crate) fn unit(&self) -> &'static str {
        match &self.source {
            Source::Redis { .. } => "CPU time of Redis",
            Source::Time(_) => "wall time",
        }
    }

    /// What has been spent so far, in microseconds.
    pub(crate) async fn now_us(&mut self) -> f64 {
        match &self.source {
            Source::Time(began) => began.elapsed().as_secs_f64() * 1e6,
            Source::Redis { .. } => {
                let info = self.info("cpu").await;
                // Without the threads that sync files.
                let seconds = |name| number(&info, name).expect("Redis counts it");
                (seconds("used_cpu_sys_main_thread:") + seconds("used_cpu_user_main_thread:")) * 1e6
            }
        }
    }

    /// The commands that were run so far, except scripts as such and what the meter and the control run; 0 where there is no
    /// server to ask.
    pub(crate) async fn commands(&mut self) -> f64 {
        let stats = self.info("commandstats").await;
        let of_scripts = stats.lines().filter_map(|line| line.split_once(':')).filter(|(command, _)| {
            !["cmdstat_evalsha", "cmdstat_info", control::COMMAND_STAT].contains(command)
        });
        of_scripts.filter_map(|(_, stats)| number(stats, "calls=")).sum()
    }

    /// Notes that a take is done which began when so many commands had been run.
    pub(crate) async fn has_taken(&mut self, commands_before: f64) {
        let commands = self.commands().await - commands_before;
        self.take_commands_max = self.take_commands_max.max(commands);
    }

    /// The memory in use, in bytes; 0 where it isn't asked for.
    pub(crate) async fn memory_bytes(&mut self) -> f64 {
        match &self.source {
            Source::Time(_) => 0.0,
            Source::Redis { .. } => {
                number(&self.info("memory").await, "used_memory:").expect("Redis counts it")
            }
        }
    }

    /// Runs the control between the calls of this work, where there is a server to run it.
    pub(crate) async fn beside_control<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let running = match &self.source {
            Source::Redis { connection, control, .. } => Some(control.run(connection.clone())),
            Source::Time(_) => None,
        };
        let done = work(self).await;
        if let (Some(running), Source::Redis { control, .. }) = (running, &mut self.source) {
            control.calls += running.end().await;
        }
        done
    }

    /// Prints the scripts over 5 ms since the last time, and fails if they are many more than the control explains.
    pub(crate) async fn assert_few_slow(&mut self, what: &str) {
        let Source::Redis { connection, calls_before, control } = &mut self.source else { return };
        let control_calls = std::mem::take(&mut control.calls);
        let calls = scripts_run(connection).await.0;
        let ours = calls - std::mem::replace(calls_before, calls) - control_calls;
        let mut get = redis::cmd("SLOWLOG");
        let mut slow: Vec<Slow> =
            get.arg("GET").arg(-1).query_async(connection).await.expect("Redis answers");
        let () = redis::cmd("SLOWLOG").arg("RESET").query_async(connection).await.expect("Redis answers");
        // Commands inside of scripts have entries of their own.
        slow.retain(|(.., command, _, _)| {
            command.first().is_some_and(|name| name.eq_ignore_ascii_case(b"evalsha"))
        });
        let before = slow.len();
        slow.retain(|(.., command, _, _)| command.get(1) != Some(&control.sha));
        let (slow_control, slow_ours) = (before - slow.len(), slow.len());
        slow.sort_by_key(|(_, _, took_us, ..)| std::cmp::Reverse(*took_us));
        let beside = match control_calls {
            0 => String::new(),
            _ => format!("; of the control between them {slow_control} of {control_calls}"),
        };
        println!("  {what}: {slow_ours} of {ours} scripts over 5 ms{beside}");
        for (_, _, took_us, command, ..) in slow.iter().take(3) {
            let words = command.iter().take(8).map(|word| String::from_utf8_lossy(word).into_owned());
            println!("    {took_us} µs: {}", words.collect::<Vec<_>>().join(" "));
        }
        control.slow_of_all += slow_control as u64;
        control.all += control_calls;
        // Held to the control's rate also where it didn't run beside them: the machine is the same. But the short form has
        // other tests beside it, which come and go.
        let explained = control.slow_of_all as f64 / control.all.max(1) as f64 * ours as f64;
        let unexplained_max = if super::is_long() { 5.0 } else { ours as f64 / 5.0 };
        assert!(
            slow_ours as f64 <= unexplained_max + 3.0 * explained,
            "{what}: {slow_ours} of {ours} scripts took more than 5 ms; the control explains {explained:.1}"
        );
    }

    async fn info(&mut self, section: &str) -> String {
        let Source::Redis { connection, .. } = &mut self.source else { return String::new() };
        info(connection, section).await
    }
}

async fn info(connection: &mut MultiplexedConnection, section: &str) -> String {
    redis::cmd("INFO").arg(section).query_async(connection).await.expect("Redis answers")
}

/// The scripts that were run so far, and the microseconds they took.
pub(crate) async fn scripts_run(connection: &mut MultiplexedConnection) -> (u64, f64) {
    let stats = info(connection, "commandstats").await;
    let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:")).unwrap_or_default();
    let field = |name| line.split(',').find_map(|field| number(field, name)).unwrap_or(0.0);
    (field("calls=") as u64, field("usec="))
}

/// The number behind a field of INFO.
fn number(info: &str, field: &str) -> Option<f64> {
    let value = info.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().split([',', '%']).next()?.parse().ok()
}
