//! What calls cost: the CPU time of Redis's one thread, or, where there is no server to ask, wall time.

use std::time::Instant;

use huixin_queue::testing::RedisServer;
use redis::aio::MultiplexedConnection;

/// An entry of `SLOWLOG`: its number, when, how long in µs, the command, the client's address and name.
type Slow = (u64, u64, u64, Vec<Vec<u8>>, String, String);

pub(crate) struct Meter {
    source: Source,
    /// What the dearest single take has cost so far.
    pub(crate) dearest_take: Cost,
}

/// What calls have cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) us: f64,
    /// Commands that Redis ran, those of scripts included: unlike time, the same on every machine.
    pub(crate) commands: f64,
}

enum Source {
    Redis { connection: MultiplexedConnection, calls_before: u64 },
    Time(Instant),
}

impl Meter {
    pub(crate) async fn of_redis(server: &RedisServer) -> Self {
        let client = redis::Client::open(server.url()).expect("the URL is right");
        let connection = client.get_multiplexed_async_connection().await.expect("Redis runs");
        Self { source: Source::Redis { connection, calls_before: 0 }, dearest_take: Cost::default() }
    }

    pub(crate) fn of_time() -> Self {
        Self { source: Source::Time(Instant::now()), dearest_take: Cost::default() }
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

    /// What has been spent so far, before a take.
    pub(crate) async fn before_take(&mut self) -> Cost {
        // The time last: asking for the commands takes Redis longer than many a take.
        let commands = self.commands().await;
        Cost { us: self.now_us().await, commands }
    }

    /// What a take has cost in microseconds that began when this was spent, noting the dearest.
    pub(crate) async fn after_take(&mut self, before: Cost) -> f64 {
        let us = self.now_us().await - before.us;
        let commands = self.commands().await - before.commands;
        let dearest = &mut self.dearest_take;
        *dearest = Cost { us: dearest.us.max(us), commands: dearest.commands.max(commands) };
        us
    }

    /// The commands run so far; 0 where there is no server to ask.
    async fn commands(&mut self) -> f64 {
        let stats = self.info("commandstats").await;
        stats.lines().filter_map(|line| number(line.split_once(':')?.1, "calls=")).sum()
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

    /// Prints the calls over 5 ms since the last time, and fails if they are many.
    pub(crate) async fn assert_few_slow(&mut self, what: &str) {
        let (slow, calls) = self.print_slow(what).await;
        assert!(slow * 5 <= calls, "{what}: {slow} of {calls} calls took more than 5 ms");
    }

    /// Prints the calls over 5 ms since the last time. Gives how many, of how many.
    pub(crate) async fn print_slow(&mut self, what: &str) -> (u64, u64) {
        let stats = self.info("commandstats").await;
        let Source::Redis { connection, calls_before } = &mut self.source else { return (0, 0) };
        let calls = number(&stats, "cmdstat_evalsha:calls=").unwrap_or(0.0) as u64;
        let since = calls - std::mem::replace(calls_before, calls);
        let mut get = redis::cmd("SLOWLOG");
        let mut slow: Vec<Slow> =
            get.arg("GET").arg(-1).query_async(connection).await.expect("Redis answers");
        let () = redis::cmd("SLOWLOG").arg("RESET").query_async(connection).await.expect("Redis answers");
        slow.sort_by_key(|(_, _, took_us, ..)| std::cmp::Reverse(*took_us));
        println!("  {what}: {} of {since} scripts over 5 ms", slow.len());
        for (_, _, took_us, command, ..) in slow.iter().take(3) {
            let words = command.iter().take(8).map(|word| String::from_utf8_lossy(word).into_owned());
            println!("    {took_us} µs: {}", words.collect::<Vec<_>>().join(" "));
        }
        (slow.len() as u64, since)
    }

    async fn info(&mut self, section: &str) -> String {
        let Source::Redis { connection, .. } = &mut self.source else { return String::new() };
        redis::cmd("INFO").arg(section).query_async(connection).await.expect("Redis answers")
    }
}

/// The number behind a field of INFO.
fn number(info: &str, field: &str) -> Option<f64> {
    let value = info.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().split([',', '%']).next()?.parse().ok()
}
