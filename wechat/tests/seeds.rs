//! The fuzz targets on their seeds, and on every seed damaged in simple ways: what a long run begins with.

#[path = "../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

/// Its name, what it does, and where its seeds are.
type Target = (&'static str, fn(&[u8]), &'static [&'static str]);

const TARGETS: [Target; 5] = [
    ("query", targets::query, &["query"]),
    ("xml", targets::xml, &["xml"]),
    ("json", targets::json, &["json"]),
    ("envelope", targets::envelope, &["envelope", "xml"]),
    ("message", targets::message, &["xml", "json", "envelope"]),
];

#[test]
fn every_seed_keeps_the_promises_of_its_target() {
    for (name, target, folders) in TARGETS {
        let seeds = seeds(folders);
        assert!(seeds.len() >= 5, "{name} has {} seeds", seeds.len());
        seeds.iter().for_each(|seed| target(seed));
    }
}

#[test]
fn so_does_every_seed_that_is_cut_or_has_a_byte_changed() {
    for (_, target, folders) in TARGETS {
        for seed in seeds(folders) {
            // Some thirty places in each.
            for at in (0..seed.len()).step_by(seed.len() / 32 + 1) {
                target(&seed[..at]);
                for byte in [b'<', b'"', 0, 0xFF, seed[at] ^ 1] {
                    let mut damaged = seed.clone();
                    damaged[at] = byte;
                    target(&damaged);
                }
            }
        }
    }
}

fn seeds(folders: &[&str]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for folder in folders {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(folder);
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}")) {
            seeds.push(fs::read(entry.expect("a seed").path()).expect("a file that can be read"));
        }
    }
    seeds
}
