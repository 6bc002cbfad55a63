//! The examples are run by the command of their READMEs, and talk as their READMEs say.

mod running;
mod transcript;

use running::Example;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workstation_lookup_answers() {
    let example = Example::start("workstation-lookup", &[]).await;
    example.plays_its_transcripts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_employee_services_answer() {
    let example = Example::start("employee-services", &[]).await;
    example.plays_its_transcripts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crate_with_a_handler_in_rust_answers() {
    // As tests/run has built it before.
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/target");
    let variables = [("CARGO_TARGET_DIR", target), ("CARGO_PROFILE_DEV_DEBUG", "0")];
    let example = Example::start("rust-handler", &variables).await;
    example.plays_its_transcripts().await;
}
