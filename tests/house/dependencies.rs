//! Who may depend on whom. deny.toml says it too, for those who have cargo-deny; this needs nothing installed.
//!
//! The metadata is asked for without the crates outside the workspace, so that none for another system is fetched. The
//! resolved crates are read from Cargo.lock.

use std::collections::BTreeSet;

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand};

use crate::repository::{read, root};

/// Each member, and which others it knows. Tests know more: they are exempt.
const WALLS: [(&str, &[&str]); 9] = [
    ("huixin", &["huixin-pages", "huixin-queue", "huixin-sandbox", "huixin-wechat", "huixin-worker"]),
    ("huixin-benches", &["huixin-wechat"]),
    ("huixin-model", &[]),
    ("huixin-pages", &[]),
    ("huixin-queue", &[]),
    ("huixin-sandbox", &["huixin-pages", "huixin-wechat"]),
    ("huixin-wechat", &[]),
    ("huixin-worker", &["huixin-queue", "huixin-wechat"]),
    ("rust-handler", &["huixin-queue", "huixin-wechat", "huixin-worker"]),
];

#[test]
fn every_member_has_its_walls_and_is_built_by_default() {
    let metadata = metadata();
    let members: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let walls = WALLS.map(|(name, _)| name);
    assert_eq!(members, BTreeSet::from(walls), "a new member needs a row in WALLS");
    let default: BTreeSet<_> = metadata.workspace_default_members.iter().collect();
    assert_eq!(default, metadata.workspace_members.iter().collect(), "default-members lacks some");
}

#[test]
fn the_build_of_the_image_sees_every_member() {
    let ignored = read(".dockerignore");
    let lines: Vec<&str> = ignored.lines().collect();
    for package in metadata().packages {
        let folder = package.manifest_path.parent().unwrap().strip_prefix(root()).unwrap().to_string();
        let first = folder.split('/').next().unwrap_or_default();
        let is_dropped = !folder.is_empty() && lines.contains(&first);
        let is_kept =
            !lines.contains(&format!("{first}/*").as_str()) || lines.contains(&format!("!{folder}").as_str());
        assert!(
            !is_dropped && is_kept,
            ".dockerignore drops {folder}, and the workspace can't be read without it"
        );
    }
}

#[test]
fn a_member_depends_only_on_the_members_below_it() {
    let metadata = metadata();
    for (member, allowed) in WALLS {
        let used = dependencies(&metadata, member)
            .filter(|dependency| dependency.kind != DependencyKind::Development);
        let used: BTreeSet<&str> = used.map(|dependency| dependency.name.as_str()).collect();
        for (other, _) in WALLS {
            assert!(!used.contains(other) || allowed.contains(&other), "{member} depends on {other}");
        }
    }
}

#[test]
fn only_the_queue_depends_on_the_stores() {
    for store in ["redis", "rusqlite"] {
        assert_eq!(users(store, |_| true), BTreeSet::from(["huixin-queue".to_owned()]), "{store}");
    }
}

#[test]
fn only_what_people_and_wechat_connect_to_depends_on_axum() {
    let users = users("axum", |dependency| dependency.kind != DependencyKind::Development);
    assert_eq!(users, BTreeSet::from(["huixin", "huixin-pages", "huixin-sandbox"].map(ToOwned::to_owned)));
}

#[test]
fn rustls_has_one_crypto_provider() {
    let lock: toml::Table = toml::from_str(&read("Cargo.lock")).unwrap();
    let packages = lock["package"].as_array().unwrap();
    let names: BTreeSet<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert!(names.contains("ring"));
    for other in ["aws-lc-rs", "aws-lc-sys", "native-tls", "openssl-sys"] {
        assert!(
            !names.contains(other),
            "{other} is in Cargo.lock: `cargo tree --target all -i {other}` says why"
        );
    }
}

#[test]
fn every_member_has_the_same_licence_and_its_texts_are_there() {
    for package in metadata().packages {
        assert_eq!(package.license.as_deref(), Some("Apache-2.0 OR MIT"), "{}", package.name);
    }
    assert!(read("LICENSE-APACHE").contains("Version 2.0, January 2004"));
    assert!(read("LICENSE-MIT").contains("The Huixin authors"));
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap()
}

fn dependencies<'m>(metadata: &'m Metadata, member: &str) -> impl Iterator<Item = &'m Dependency> {
    let package = metadata.packages.iter().find(|package| package.name == member);
    package.unwrap_or_else(|| panic!("{member} is no member")).dependencies.iter()
}

/// The members that name this crate themselves, in dependencies that `counts` accepts.
fn users(name: &str, counts: impl Fn(&Dependency) -> bool) -> BTreeSet<String> {
    let uses = |dependency: &Dependency| dependency.name == name && counts(dependency);
    let packages = metadata().packages.into_iter();
    packages
        .filter(|package| package.dependencies.iter().any(uses))
        .map(|package| package.name.to_string())
        .collect()
}
