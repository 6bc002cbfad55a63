//! `receiver.spool`: a table or `false`, and what must hold between it and the queue.

use std::time::Duration;

use insta::assert_snapshot;

use super::*;

const REDIS: &str = "[queue]\nurl = 'redis://127.0.0.1:6379/0'\n";

#[test]
fn there_is_a_spool_unless_it_is_false() {
    let spool = |receiver: &str| load(&source(&format!("{REDIS}{receiver}{MINIMAL}"))).receiver.spool;
    let default = spool("").expect("it is on by default");
    assert_eq!(
        (default.dir.to_str(), default.max_age),
        (Some("huixin-spool"), Duration::from_secs(5 * 3600))
    );
    let some = spool("[receiver]\nspool = { dir = 'x', reserve = '0B' }\n").unwrap();
    assert_eq!((some.dir.to_str(), some.reserve.bytes()), (Some("x"), 0));
    assert_eq!(some.max_size, default.max_size);
    assert_eq!(spool("[receiver]\nspool = true\n"), Some(default));
    assert_eq!(spool("[receiver]\nspool = false\n"), None);
    assert_eq!(spool("[receiver.spool]\nmax_age = '1h'\n").unwrap().max_age, Duration::from_secs(3600));
}

#[test]
fn variables_turn_it_off_and_set_its_values() {
    let with = |variable| load(&with_variables(&format!("{REDIS}{MINIMAL}"), &[variable])).receiver.spool;
    assert_eq!(with(("HUIXIN_RECEIVER__SPOOL", "false")), None);
    let spool = with(("HUIXIN_RECEIVER__SPOOL__MAX_SIZE", "2GiB")).unwrap();
    assert_eq!(spool.max_size.to_string(), "2GiB");
}

#[test]
fn messages_may_not_wait_for_longer_than_duplicates_are_known() {
    let text = |window: &str, spool: &str| {
        source(&format!("{REDIS}dedup_window = '{window}'\n[receiver]\nspool = {spool}\n{MINIMAL}"))
    };
    assert_snapshot!(problems(&text("6h", "{ max_age = '5h 50m' }"), Role::Check), @"
    huixin.toml:5: `receiver.spool.max_age` must be more than 10m below `queue.dedup_window`: it is 5h 50m, that is 6h
        a message that waits longer could be handled twice: shorten this, or lengthen `queue.dedup_window`
    ");
    assert_snapshot!(problems(&text("1h", "{}"), Role::Receiver), @"
    `receiver.spool.max_age` must be more than 10m below `queue.dedup_window`: it is 5h, that is 1h
        a message that waits longer could be handled twice: shorten this, or lengthen `queue.dedup_window`
    ");
    load(&text("6h", "{ max_age = '5h 49m' }"));
    load(&text("1h", "{ max_age = '49m' }"));
    load(&text("1h", "false"));
    // A queue in a file has no spool.
    load(&source(&format!("[queue]\ndedup_window = '1h'\n{MINIMAL}")));
}

#[test]
fn what_is_neither_a_table_nor_true_or_false_is_a_mistake() {
    let text = format!("{REDIS}[receiver]\nspool = 'huixin-spool'\n{MINIMAL}");
    assert_snapshot!(problems(&source(&text), Role::Receiver), @"
    huixin.toml:4: `receiver.spool` must be a table, but is a string
        write a line `[receiver.spool]` and its keys below
    ");
}

#[test]
fn a_spool_that_is_off_is_printed_so() {
    let config = load(&source(&format!("{REDIS}[receiver]\nspool = false\n{MINIMAL}")));
    let printed = config.print_effective();
    assert!(printed.contains("\nspool = false\n") && !printed.contains("receiver.spool"), "{printed}");
}
