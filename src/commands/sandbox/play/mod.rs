//! `sandbox play`: scenarios for the tests of those who use Huixin, in a terminal or in CI.
//!
//! A scenario stops at the first thing that didn't come as expected: what follows depends on it. The other scenarios are
//! played all the same. All of them are read first, so that a mistake in the last one costs no minutes.

mod player;
mod scenario;
mod stage;
mod step;
mod trouble;
mod words;

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use self::player::{Missed, Player};
use self::scenario::Scenario;
use self::stage::PlayStage;
use self::step::ScenarioStep;
use crate::cli::{Cli, PlayFlags};
use crate::report::Failure;

pub(super) async fn play(cli: &Cli, flags: &PlayFlags) -> Result<(), Failure> {
    let read = flags.scenarios.iter().map(|path| Ok((path, Scenario::read(path)?)));
    let scenarios = read.collect::<Result<Vec<_>, Failure>>()?;
    let mut played = Vec::new();
    for (path, scenario) in &scenarios {
        let stage = PlayStage::start(cli, flags).await?;
        let result = PlayedScenario::play(path, scenario, &stage, flags.output.json).await;
        stage.end().await?;
        played.push(result);
    }
    let failed = played.iter().filter(|scenario| !scenario.passed).count();
    match flags.output.json {
        true => {
            let scenarios: Vec<Value> = played.into_iter().map(|scenario| scenario.json).collect();
            println!("{:#}", json!({ "passed": failed == 0, "scenarios": scenarios }));
        }
        false => println!("\n{} of {} scenarios passed", played.len() - failed, played.len()),
    }
    if failed == 0 {
        return Ok(());
    }
    let of = format!("{failed} of {} scenarios failed", scenarios.len());
    Err(Failure::failed(of, "`huixin dev` shows the same by hand, in its page; HUIXIN_LOG=info tells more"))
}

/// What became of a scenario.
struct PlayedScenario {
    passed: bool,
    json: Value,
}

impl PlayedScenario {
    async fn play(path: &Path, scenario: &Scenario, stage: &PlayStage, quiet: bool) -> Self {
        let title = format!("{}  {}", path.display(), scenario.about.as_deref().unwrap_or_default());
        say(quiet, title.trim_end());
        let mut player = Player::new(&stage.sandbox);
        let (mut steps, mut passed) = (Vec::new(), true);
        for step in &scenario.steps {
            let begun = Instant::now();
            let result = player.play(step).await;
            let ms = begun.elapsed().as_secs_f64() * 1000.0;
            show(quiet, &format!("line {:<4} {step}", step.line), ms, result.as_ref().err());
            passed = result.is_ok();
            steps.push(in_json(Some(step), ms, result.as_ref().err()));
            if !passed {
                break;
            }
        }
        if let (true, Err(missed)) = (passed, player.end()) {
            show(quiet, "the end", 0.0, Some(&missed));
            steps.push(in_json(None, 0.0, Some(&missed)));
            passed = false;
        }
        let left = scenario.steps.len().saturating_sub(steps.len());
        let json = json!({
            "file": path, "about": scenario.about, "passed": passed, "steps": steps, "not_played": left,
        });
        Self { passed, json }
    }
}

fn show(quiet: bool, what: &str, ms: f64, missed: Option<&Missed>) {
    let Some(missed) = missed else {
        let waited = if ms < 100.0 { String::new() } else { format!("  ({:.1} s)", ms / 1000.0) };
        return say(quiet, &format!("ok   {what}{waited}"));
    };
    say(quiet, &format!("FAIL {what}"));
    for line in words::explained(missed).lines() {
        say(quiet, &format!("     {line}"));
    }
}

fn say(quiet: bool, line: &str) {
    if !quiet {
        println!("{line}");
    }
}

fn in_json(step: Option<&ScenarioStep>, ms: f64, missed: Option<&Missed>) -> Value {
    let what = step.map_or("the end".to_owned(), ToString::to_string);
    let mut value =
        json!({ "line": step.map(|step| step.line), "step": what, "ms": ms, "passed": missed.is_none() });
    if let Some(missed) = missed {
        let both = missed.expected.as_deref().zip(missed.got.as_deref());
        value["missed"] = json!({
            "what": missed.what, "expected": missed.expected, "got": missed.got,
            "difference": both.map(|(expected, got)| words::difference(expected, got)), "before": missed.events,
        });
    }
    value
}
