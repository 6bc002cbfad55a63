//! Whether everybody can use a page: contrast, room, size of what is pressed, and the keyboard alone.
//!
//! All is computed from the page as it is rendered, in the state that a test has brought it to. Contrast is WCAG's AA: 4.5 for
//! text, 3 for large text and for the edges of controls. A checker that reads style sheets was rejected: what counts is the
//! colour that lies behind a text in the end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::browser::Browser;

const SCRIPT: &str = include_str!("looks.js");
/// From the smallest telephone to a wide screen.
const WIDTHS: [u32; 6] = [320, 390, 700, 1100, 1280, 1920];
/// More than a page has of places for the focus.
const MOST_STOPS: usize = 300;
/// How long styles may take to follow.
const STYLES_WITHIN: Duration = Duration::from_secs(2);

/// Looks at the page as it stands, in light and dark, and at all widths. It is 1,280 wide and light afterwards.
pub(crate) async fn check(browser: &Browser, state: &str) {
    as_it_is(browser, state).await;
    fits(browser, state).await;
    by_keyboard(browser, state).await;
}

/// The same at the present width alone, without the keyboard.
pub(crate) async fn as_it_is(browser: &Browser, state: &str) {
    for scheme in ["light", "dark"] {
        browser.scheme(scheme).await;
        assert_none(browser, "contrast", &format!("{state}, {scheme}")).await;
    }
    browser.scheme("light").await;
    assert_none(browser, "fit", state).await;
    assert_none(browser, "targets", state).await;
}

/// No width makes a horizontal bar, and what is pressed is large enough.
pub(crate) async fn fits(browser: &Browser, state: &str) {
    for width in WIDTHS {
        browser.size(width, 800).await;
        let state = format!("{state}, {width} wide");
        assert_none(browser, "fit", &state).await;
        assert_none(browser, "targets", &state).await;
    }
    browser.size(1280, 900).await;
}

/// Tab comes to everything that can be pressed, and one sees where it is.
pub(crate) async fn by_keyboard(browser: &Browser, state: &str) {
    let key = |kind: &str| json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
    browser.script("document.activeElement?.blur()").await;
    for _ in 0..MOST_STOPS {
        browser.chromium("Input.dispatchKeyEvent", key("rawKeyDown")).await;
        browser.chromium("Input.dispatchKeyEvent", key("keyUp")).await;
        if browser.script(&format!("{SCRIPT} return checks.step();")).await == json!(true) {
            break;
        }
    }
    assert_none(browser, "walked", state).await;
}

async fn assert_none(browser: &Browser, check: &str, state: &str) {
    let look = async || browser.script(&format!("{SCRIPT} checks.{check}(); return wrong;")).await;
    let (mut wrong, began) = (look().await, Instant::now());
    // Some styles, such as a placeholder's, follow a change with a later frame.
    while check == "contrast" && wrong != json!([]) && began.elapsed() < STYLES_WITHIN {
        wrong = look().await;
    }
    let lines = wrong.as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
    assert!(wrong == json!([]), "{state}: {}", lines.join("\n"));
}
