//! `load push` is a WeChat that pushes, `load sink` one that is answered. `benches/run` starts both.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use huixin_benches::client::{Manner, bits, push};
use huixin_benches::pushes::{BODY_BYTES, Series};
use huixin_benches::sink;

#[derive(Parser)]
#[command(about = "Load for benchmarks, and a sink for what comes of it")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Pushes, and prints as JSON what came of it
    Push(PushFlags),
    /// Takes answers until it is killed
    Sink {
        /// Where
        listen: SocketAddr,
    },
}

#[derive(Args)]
struct PushFlags {
    /// To whom: only addresses of this machine
    to: SocketAddr,
    /// The path; `{}` is the account's number
    #[arg(long, default_value = "/wechat/a0")]
    path: String,
    /// How many
    #[arg(long)]
    count: usize,
    #[arg(long, default_value_t = 1)]
    accounts: usize,
    #[arg(long, default_value_t = 5000)]
    users: usize,
    /// The number of the first
    #[arg(long, default_value_t = 0)]
    first: usize,
    #[arg(long, default_value = "token")]
    token: String,
    /// For safe mode
    #[arg(long, requires = "app_id")]
    aes_key: Option<String>,
    #[arg(long)]
    app_id: Option<String>,
    /// How long a body is at least
    #[arg(long, default_value_t = BODY_BYTES)]
    body_bytes: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// So many a second; without it as fast as they are answered
    #[arg(long)]
    rate: Option<f64>,
    /// Where to write the numbers of those that were answered 200, as bits
    #[arg(long)]
    acked: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Sink { listen } => sink::serve(std::net::TcpListener::bind(listen)?),
        Command::Push(flags) => {
            anyhow::ensure!(flags.to.ip().is_loopback(), "load goes to this machine only");
            anyhow::ensure!(flags.threads > 0 && flags.accounts > 0 && flags.users > 0, "there is nobody");
            let series = Series {
                path: flags.path,
                accounts: flags.accounts,
                users: flags.users,
                first: flags.first,
                token: flags.token,
                sealed: flags.aes_key.zip(flags.app_id),
                body_bytes: flags.body_bytes,
            };
            let (to, connections, threads) = (flags.to, flags.connections, flags.threads);
            let manner = Manner { to, connections, threads, per_second: flags.rate };
            let outcome = push(series, flags.count, manner)?;
            if let Some(file) = flags.acked {
                std::fs::write(file, bits(outcome.acked.iter().copied()))?;
            }
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
    }
}
