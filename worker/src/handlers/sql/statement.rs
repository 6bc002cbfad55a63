//! Statements with named parameters, made into what the drivers take.
//!
//! A person writes `:code`; MySQL wants `?`, SQLite `?1`, PostgreSQL `$1`. So the text is walked through once, past all
//! that isn't code: quotes, comments, quoted names, PostgreSQL's `$$` texts and `::` casts. A parser of SQL was rejected:
//! it would refuse what the database takes. Parameters in the drivers' own forms are refused, because next to named
//! ones they would take each other's values.

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's.
    Sqlite,
    /// That of MySQL and MariaDB.
    MySql,
    /// PostgreSQL's.
    Postgres,
}

/// One statement, ready to be prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    sql: std::sync::Arc<str>,
    binds: Vec<String>,
}

/// A text that isn't one statement with named parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Nothing but blanks and comments.
    #[error("it is empty")]
    Empty,
    /// A quote or a comment has no end.
    #[error("its {0} has no end")]
    Unclosed(&'static str),
    /// Something stands behind a semicolon.
    #[error("it is more than one statement; write one, without `;`")]
    Several,
    /// A parameter in a form of the driver's.
    #[error("it has the parameter `{0}`; write parameters by their names, like `:code`")]
    Unnamed(String),
}

impl Statement {
    /// Reads a statement with parameters like `:code`.
    ///
    /// # Errors
    /// When it isn't one.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, StatementError> {
        let mut walk = Walk { text, dialect, at: 0, sql: String::new(), binds: Vec::new(), is_ended: false };
        let mut is_empty = true;
        while let Some(piece) = walk.next()? {
            match piece {
                Piece::Blank(code) => walk.sql.push_str(code),
                _ if walk.is_ended => return Err(StatementError::Several),
                Piece::End => walk.is_ended = true,
                Piece::Code(code) => {
                    is_empty = false;
                    walk.sql.push_str(code);
                }
                Piece::Parameter(name) => walk.bind(name),
            }
        }
        if is_empty {
            return Err(StatementError::Empty);
        }
        Ok(Self { sql: walk.sql.into(), binds: walk.binds })
    }

    /// The text for the driver.
    pub fn sql(&self) -> &std::sync::Arc<str> {
        &self.sql
    }

    /// The names of the values in the order in which the driver takes them.
    pub fn binds(&self) -> &[String] {
        &self.binds
    }
}

enum Piece<'t> {
    /// Something to run, quotes included.
    Code(&'t str),
    /// White space or a comment.
    Blank(&'t str),
    Parameter(&'t str),
    /// A semicolon.
    End,
}

struct Walk<'t> {
    text: &'t str,
    dialect: Dialect,
    at: usize,
    sql: String,
    binds: Vec<String>,
    is_ended: bool,
}

impl<'t> Walk<'t> {
    fn next(&mut self) -> Result<Option<Piece<'t>>, StatementError> {
        use Dialect::{MySql, Postgres, Sqlite};
        let rest = &self.text[self.at..];
        let mut chars = rest.chars();
        let Some(first) = chars.next() else { return Ok(None) };
        let second = chars.next();
        let piece = match (first, second, self.dialect) {
            (c, ..) if c.is_whitespace() => Piece::Blank(self.take(c.len_utf8())),
            ('-', Some('-'), dialect) if dialect != MySql || dash_comment(rest) => {
                Piece::Blank(self.take(line(rest)))
            }
            ('#', _, MySql) => Piece::Blank(self.take(line(rest))),
            ('/', Some('*'), _) => Piece::Blank(self.take(comment(rest, self.dialect == Postgres)?)),
            ('\'', ..) => {
                let escapes = self.dialect == MySql || (self.dialect == Postgres && self.is_after_e());
                Piece::Code(self.take(quoted(rest, '\'', escapes, "text")?))
            }
            ('"', ..) => Piece::Code(self.take(quoted(rest, '"', self.dialect == MySql, "quoted name")?)),
            ('`', _, MySql | Sqlite) => Piece::Code(self.take(quoted(rest, '`', false, "quoted name")?)),
            ('[', _, Sqlite) => Piece::Code(self.take(quoted(rest, ']', false, "quoted name")?)),
            ('$', _, Postgres) if !self.is_after_word() => match dollars(rest)? {
                Some(length) => Piece::Code(self.take(length)),
                None if second.is_some_and(|c| c.is_ascii_digit()) => return Err(unnamed(rest)),
                None => Piece::Code(self.take(1)),
            },
            (':', Some(':'), _) => Piece::Code(self.take(2)),
            (':', Some(c), _) if is_start(c) => {
                self.at += 1;
                Piece::Parameter(self.take(word(&rest[1..])))
            }
            // PostgreSQL's slices have these.
            (':', Some(c), MySql | Sqlite) if c.is_ascii_digit() => return Err(unnamed(rest)),
            ('?', _, MySql | Sqlite) => return Err(unnamed(rest)),
            ('$' | '@', Some(c), Sqlite) if is_start(c) || c.is_ascii_digit() => return Err(unnamed(rest)),
            (';', ..) => {
                self.at += 1;
                Piece::End
            }
            // A word is one piece, so that what looks like a beginning inside of it isn't taken for one.
            (c, ..) if is_start(c) || c.is_ascii_digit() => Piece::Code(self.take(word(rest))),
            (c, ..) => Piece::Code(self.take(c.len_utf8())),
        };
        Ok(Some(piece))
    }

    fn take(&mut self, length: usize) -> &'t str {
        let taken = &self.text[self.at..self.at + length];
        self.at += length;
        taken
    }

    fn bind(&mut self, name: &str) {
        let number = match self.binds.iter().position(|bound| bound == name) {
            Some(index) if self.dialect != Dialect::MySql => index + 1,
            _ => {
                self.binds.push(name.to_owned());
                self.binds.len()
            }
        };
        match self.dialect {
            Dialect::MySql => self.sql.push('?'),
            Dialect::Sqlite => self.sql.push_str(&format!("?{number}")),
            Dialect::Postgres => self.sql.push_str(&format!("${number}")),
        }
    }

    /// Whether the text before is the `E` of a PostgreSQL text with escapes.
    fn is_after_e(&self) -> bool {
        let mut before = self.text[..self.at].chars().rev();
        before.next().is_some_and(|c| c.eq_ignore_ascii_case(&'e')) && !before.next().is_some_and(is_inner)
    }

    fn is_after_word(&self) -> bool {
        self.text[..self.at].chars().next_back().is_some_and(is_inner)
    }
}

fn unnamed(rest: &str) -> StatementError {
    let length = 1 + word(&rest[1..]);
    StatementError::Unnamed(rest[..length].to_owned())
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_inner(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long the word at the beginning is.
fn word(rest: &str) -> usize {
    rest.find(|c| !is_inner(c)).unwrap_or(rest.len())
}

fn line(rest: &str) -> usize {
    rest.find('\n').map_or(rest.len(), |end| end + 1)
}

/// For MySQL, `5--1` is six.
fn dash_comment(rest: &str) -> bool {
    rest[2..].chars().next().is_none_or(|c| c.is_whitespace() || c.is_control())
}

fn comment(rest: &str, nests: bool) -> Result<usize, StatementError> {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let end = rest[at..].find("*/").ok_or(StatementError::Unclosed("comment"))?;
        match rest[at..at + end].find("/*").filter(|_| nests) {
            Some(inner) => (at, depth) = (at + inner + 2, depth + 1),
            None => (at, depth) = (at + end + 2, depth - 1),
        }
    }
    Ok(at)
}

/// A doubled quote ends one text and begins the next, which comes to the same.
fn quoted(rest: &str, quote: char, escapes: bool, what: &'static str) -> Result<usize, StatementError> {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            chars.next();
        } else if c == quote {
            return Ok(at + 1);
        }
    }
    Err(StatementError::Unclosed(what))
}

/// `$$ … $$` and `$tag$ … $tag$`; none if it is only a dollar.
fn dollars(rest: &str) -> Result<Option<usize>, StatementError> {
    let tag = &rest[..1 + word(&rest[1..])];
    if !rest[tag.len()..].starts_with('$') || tag[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(None);
    }
    let tag = &rest[..=tag.len()];
    let end = rest[tag.len()..].find(tag).ok_or(StatementError::Unclosed("text"))?;
    Ok(Some(2 * tag.len() + end))
}
