//! The link by which a user fetches what waits for them: a tap on it sends a text in the user's name.
//!
//! WeChat sends the `msgmenucontent` as it reads it, so it is percent-encoded; some accounts get it without the id. Only letters and
//! digits stay as they are.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What a tap on [`fetch_link`] comes with as `bizmsgmenuid`, unless the account gets none.
pub const FETCH_MENU_ID: &str = "huixin";

/// A link that says `word`, and whose tap sends it. `word` is shown as it is, so it must be without `<`.
pub fn fetch_link(word: &str) -> String {
    let content = utf8_percent_encode(word, NON_ALPHANUMERIC);
    format!("<a href=\"weixin://bizmsgmenu?msgmenucontent={content}&msgmenuid={FETCH_MENU_ID}\">{word}</a>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_shows_its_word_and_sends_it_whatever_is_in_it() {
        for (word, content) in [
            ("继续", "%E7%BB%A7%E7%BB%AD"),
            ("more", "more"),
            ("a b&c=\"d\"?#+%", "a%20b%26c%3D%22d%22%3F%23%2B%25"),
        ] {
            let link = format!(
                "<a href=\"weixin://bizmsgmenu?msgmenucontent={content}&msgmenuid=huixin\">{word}</a>"
            );
            assert_eq!(fetch_link(word), link);
        }
    }
}
