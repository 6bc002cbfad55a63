//! What may be a mistake, and doesn't keep anything from starting.

use insta::assert_snapshot;

use super::*;

/// The doubts about conditions, each of a route of its own.
fn doubts(conditions: &[&str]) -> String {
    let route = |condition: &&str| format!("[[route]]\nreply = 'x'\nmatch = {{ {condition} }}\n");
    let text = MINIMAL.to_owned() + &conditions.iter().map(route).collect::<String>();
    let told = |doubt: &Problem| format!("{doubt}\n    {}\n", doubt.hint.as_deref().unwrap_or_default());
    load(&source(&text)).doubts.iter().map(told).collect()
}

#[test]
fn a_type_that_nobody_knows_is_doubted_with_those_that_are_known() {
    assert_snapshot!(doubts(&["type = 'txt'", "type = 'hologram'", "type = 'Image'"]), @"
    huixin.toml:7: `route[1].match.type` is `txt`, a type of message that this version doesn't know
        did you mean `text`? known types: text, image, voice, video, shortvideo, location, link, file, miniprogrampage, event
    huixin.toml:10: `route[2].match.type` is `hologram`, a type of message that this version doesn't know
        known types: text, image, voice, video, shortvideo, location, link, file, miniprogrampage, event
    ");
}

#[test]
fn an_event_is_doubted_only_beside_one_that_is_known() {
    let conditions = ["event = 'subscibe'", "event = 'Click'", "event = 'user_pay_from_pay_cell'"];
    assert_snapshot!(doubts(&conditions), @"
    huixin.toml:7: `route[1].match.event` is `subscibe`, an event that this version doesn't know
        did you mean `subscribe`?
    ");
}
