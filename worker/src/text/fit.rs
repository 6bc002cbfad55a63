//! Cuts a text into parts: at a paragraph, or if there is none at a line, a sentence, a clause, a blank, a word, a grapheme.
//!
//! A part is at least half full before a nice place to cut counts, because every part costs one of the few sends that a
//! user's message allows. Links are never cut. A grapheme is cut only if it doesn't fit into a part by itself, which is
//! always a prank; an address as long as a part is cut like a word.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::bare_address;
use super::links::Linked;
use super::tag::head;

/// How nice a place to cut is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Grapheme,
    Word,
    Blank,
    Clause,
    Sentence,
    Line,
    Paragraph,
}

/// The parts of a text, each trimmed, none empty.
pub(super) fn split(linked: &Linked, max_bytes: usize) -> Vec<String> {
    let text = linked.text.as_str();
    let whole = whole(linked, max_bytes);
    let mut parts = Vec::new();
    let mut start = 0;
    loop {
        start = text.len() - text[start..].trim_start().len();
        if start == text.len() {
            return parts;
        }
        // A link begins with `<` and ends with `>`, so that trimming doesn't reach into it.
        let end = if text.len() - start <= max_bytes {
            text.len()
        } else {
            let first = whole.partition_point(|range| range.end <= start);
            FitWindow { text, start, max_bytes, whole: &whole[first..] }.cut()
        };
        parts.push(text[start..end].trim_end().to_owned());
        start = end;
    }
}

/// What is not cut: links, and addresses that fit into a part.
fn whole(linked: &Linked, max_bytes: usize) -> Vec<Range<usize>> {
    let mut whole = linked.links.clone();
    let mut links = linked.links.iter().peekable();
    for address in bare_address::addresses(&linked.text) {
        while links.next_if(|link| link.end <= address.start).is_some() {}
        let in_link = links.peek().is_some_and(|link| link.start < address.end);
        if !in_link && address.len() <= max_bytes {
            whole.push(address);
        }
    }
    whole.sort_by_key(|range| range.start);
    whole
}

/// The rest of a text that doesn't fit into one part.
struct FitWindow<'a> {
    text: &'a str,
    start: usize,
    max_bytes: usize,
    /// From the first that ends behind `start`, in order.
    whole: &'a [Range<usize>],
}

impl FitWindow<'_> {
    /// Where the part ends: behind `start`, and not more than `max_bytes`.
    fn cut(&self) -> usize {
        // A little more than a part, so that what begins behind its last place is seen to begin there.
        let near = head(&self.text[self.start..], self.max_bytes + 32);
        let places: Vec<usize> = near
            .grapheme_indices(true)
            .map(|(index, _)| self.start + index)
            .skip(1)
            .take_while(|at| at - self.start <= self.max_bytes)
            .filter(|at| self.may_cut(*at))
            .collect();
        let Some(&last) = places.last() else { return self.cut_in_a_grapheme() };
        let half = self.start + (last - self.start) / 2;
        let words: Vec<usize> =
            near.split_word_bound_indices().map(|(index, _)| self.start + index).collect();
        let nice = places.iter().rev().take_while(|at| **at >= half);
        // Of equally nice places the last.
        let ranked = nice.map(|at| (self.rank(*at, &words), *at));
        ranked.reduce(|best, next| if next.0 > best.0 { next } else { best }).map_or(last, |(_, at)| at)
    }

    fn may_cut(&self, at: usize) -> bool {
        let next = self.whole.partition_point(|range| range.end <= at);
        self.whole.get(next).is_none_or(|range| at <= range.start)
    }

    /// Behind a link that accents follow; otherwise between characters, but not in a link: links are shorter than a part.
    fn cut_in_a_grapheme(&self) -> usize {
        let ends = self.whole.iter().map(|range| range.end);
        if let Some(end) = ends.take_while(|end| end - self.start <= self.max_bytes).last() {
            return end;
        }
        let rest = &self.text[self.start..];
        let places = rest.char_indices().map(|(index, _)| self.start + index).skip(1);
        let places = places.take_while(|at| at - self.start <= self.max_bytes);
        places.filter(|at| self.may_cut(*at)).last().unwrap_or(self.start + head(rest, self.max_bytes).len())
    }

    fn rank(&self, at: usize, words: &[usize]) -> Rank {
        let (before, after) = (&self.text[self.start..at], &self.text[at..]);
        let (Some(previous), Some(next)) = (before.chars().next_back(), after.chars().next()) else {
            return Rank::Grapheme;
        };
        if previous.is_whitespace() || is_closing(next) {
            return Rank::Grapheme;
        }
        if next.is_whitespace() {
            let gap = after.chars().take_while(|c| c.is_whitespace()).filter(|c| *c == '\n').take(2).count();
            return match gap {
                2 => Rank::Paragraph,
                1 => Rank::Line,
                _ if ends_sentence(before, true) => Rank::Sentence,
                _ if is_comma(previous) => Rank::Clause,
                _ => Rank::Blank,
            };
        }
        if ends_sentence(before, false) {
            Rank::Sentence
        } else if is_comma(previous) && !previous.is_ascii() {
            Rank::Clause
        } else if words.binary_search(&at).is_ok() && !is_opening(previous) {
            Rank::Word
        } else {
            Rank::Grapheme
        }
    }
}

/// Latin stops end a sentence only before a blank, and not behind the number of a list.
fn ends_sentence(before: &str, blank_follows: bool) -> bool {
    let mut last =
        before.trim_end_matches(['”', '’', '」', '』', '）', '》', '】', '"', '\'', ')', ']']).chars();
    match last.next_back() {
        Some('。' | '！' | '？' | '；' | '…') => true,
        Some('!' | '?' | ';') => blank_follows,
        Some('.') => blank_follows && !last.next_back().is_some_and(|c| c.is_ascii_digit()),
        _ => false,
    }
}

fn is_comma(c: char) -> bool {
    matches!(c, '，' | '、' | '：' | ',' | ':' | '—')
}

fn is_opening(c: char) -> bool {
    matches!(c, '“' | '‘' | '「' | '『' | '（' | '《' | '【' | '(' | '[' | '{' | '#' | '$' | '￥' | '¥' | '@')
}

fn is_closing(c: char) -> bool {
    "，。、；：！？…—”’」』）》】,.;:!?)]}%％~～".contains(c)
}

#[cfg(test)]
mod tests {
    use super::super::links;
    use super::*;

    fn parts(text: &str, max_bytes: usize) -> Vec<String> {
        split(&links::strict(text, max_bytes), max_bytes)
    }

    #[test]
    fn a_text_is_cut_at_the_nicest_place_of_its_second_half() {
        for (text, expected) in [
            ("one two ten.\n\nsix\nfour", vec!["one two ten.", "six\nfour"]),
            ("one. two ten\nthree, four", vec!["one. two ten", "three, four"]),
            ("one two ten. three four five", vec!["one two ten.", "three four five"]),
            ("one two ten, three four five", vec!["one two ten,", "three four five"]),
            ("one two three four five", vec!["one two three four", "five"]),
            ("一二三。四五六七八", vec!["一二三。", "四五六七八"]),
            ("一二“三四。”五六七", vec!["一二“三", "四。”五六七"]),
            ("一“二三。”四五六七八", vec!["一“二三。”", "四五六七八"]),
            ("一二三，四五六七", vec!["一二三，", "四五六七"]),
            ("一二hello三四五六", vec!["一二hello三四五", "六"]),
            ("一二三四五helloworld", vec!["一二三四五", "helloworld"]),
            ("abcdefghijklmnopqrstuvwxyz", vec!["abcdefghijklmnopqrst", "uvwxyz"]),
            ("go to point 1. It is near", vec!["go to point 1. It is", "near"]),
        ] {
            assert_eq!(parts(text, 20), expected);
        }
    }

    #[test]
    fn accents_behind_a_link_that_fills_a_part_are_cut_off_together() {
        let link = "<a href=\"h\">x</a>";
        let text = format!("{link}\u{c3e}\u{113c2}");
        assert_eq!(parts(&text, link.len() + 3), [link, "\u{c3e}\u{113c2}"]);
    }

    #[test]
    fn a_nice_place_in_the_first_half_is_not_worth_a_send() {
        assert_eq!(parts("a\n\nbcdefgh ijklmnopqrstu", 20), ["a\n\nbcdefgh", "ijklmnopqrstu"]);
    }

    #[test]
    fn white_space_at_the_cuts_is_dropped_and_no_other() {
        assert_eq!(parts("  one  two \n\n \t three\n", 14), ["one  two", "three"]);
        assert_eq!(parts(" \n\u{3000} ", 14), [""; 0]);
    }

    #[test]
    fn neither_a_link_nor_an_address_is_cut() {
        let link = "<a href=\"h\">x y z</a>";
        assert_eq!(parts(&format!("one {link}。two"), 24), ["one", &format!("{link}。"), "two"]);
        assert_eq!(parts("one two http://x.cn/a-b-c three", 24), ["one two", "http://x.cn/a-b-c three"]);
        // An address that doesn't fit is cut.
        assert_eq!(parts("http://x.cn/abcdefgh", 12), ["http://x.cn/", "abcdefgh"]);
    }

    #[test]
    fn graphemes_stay_whole_unless_one_is_longer_than_a_part() {
        let family = "👨\u{200d}👩\u{200d}👧";
        assert_eq!(parts(&family.repeat(3), 40), [family.repeat(2), family.to_owned()]);
        assert_eq!(parts("🇨🇳🇨🇳🇨🇳", 15), ["🇨🇳", "🇨🇳", "🇨🇳"]);
        let prank = format!("a{}", "\u{301}".repeat(30));
        assert!(parts(&prank, 20).iter().all(|part| part.len() <= 20));
        assert_eq!(parts(&prank, 20).concat(), prank);
    }
}
