//! JSON's words: strings, numbers, literals, and the blanks between them.

use super::JsonError;
use crate::mend::push_legal;

/// A text, and how far it is read.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Whether an escape meant no character, or one that XML forbids.
    pub(super) mended: bool,
}

impl<'a> Lexer<'a> {
    /// Begins behind a byte order mark.
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        let at = text.len() - text.strip_prefix('\u{FEFF}').unwrap_or(text).len();
        Lexer { text, at, mended: false }
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn skip_blank(&mut self) {
        self.skip_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Goes past `byte` if it is next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.eat(byte) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    /// A member's name, up to the blanks behind its colon.
    pub(super) fn key(&mut self) -> Result<String, JsonError> {
        self.expect(b'"', "a name in quotes")?;
        let name = self.string()?;
        self.skip_blank();
        self.expect(b':', ":")?;
        self.skip_blank();
        Ok(name)
    }

    /// A string's content, a number or `true` or `false` as it is written, nothing for `null`.
    pub(super) fn scalar(&mut self) -> Result<String, JsonError> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string()
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for (literal, text) in [("true", "true"), ("false", "false"), ("null", "")] {
                    if self.rest().starts_with(literal) {
                        self.at += literal.len();
                        return Ok(text.to_owned());
                    }
                }
                Err(self.syntax("a value"))
            }
        }
    }

    /// Nothing but blanks may be left.
    pub(super) fn finish(&mut self) -> Result<(), JsonError> {
        self.skip_blank();
        if self.at == self.text.len() { Ok(()) } else { Err(JsonError::Trailing { offset: self.at }) }
    }

    /// The rest of a string whose quote has been read. Raw line ends and tabs, which JSON forbids, are tolerated.
    fn string(&mut self) -> Result<String, JsonError> {
        let mut content = String::new();
        loop {
            let start = self.at;
            self.skip_while(|b| !matches!(b, b'"' | b'\\'));
            content.push_str(&self.text[start..self.at]);
            if self.eat(b'"') {
                return Ok(content);
            }
            self.expect(b'\\', "the end of a string")?;
            let c = self.escape()?;
            self.mended |= push_legal(&mut content, c.encode_utf8(&mut [0; 4]));
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, JsonError> {
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{C}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.syntax("an escape")),
        };
        self.at += 1;
        Ok(c)
    }

    /// What stands behind `\u`: four digits, or a pair of surrogates. Half a pair becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        if (0xD800..0xDC00).contains(&first) && self.rest().starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let second = self.four_digits()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // It is an escape of its own.
            self.at = back;
        }
        Ok(char::from_u32(first).unwrap_or_else(|| {
            self.mended = true;
            char::REPLACEMENT_CHARACTER
        }))
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.syntax("four hex digits"))?;
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            if !self.eat(b'+') {
                self.eat(b'-');
            }
            self.digits()?;
        }
        Ok(self.text[start..self.at].to_owned())
    }

    /// At least one.
    fn digits(&mut self) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return Err(self.syntax("a digit"));
        }
        self.skip_while(|b| b.is_ascii_digit());
        Ok(())
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().position(|b| !wanted(*b)).unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn syntax(&self, expected: &'static str) -> JsonError {
        JsonError::Syntax { expected, offset: self.at }
    }
}
