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
    #[error("its {0} is not closed")]
    Unclosed(&'static str),
    /// Something stands behind a semicolon.
    #[error("it is more than one statement; write one, without `;`")]
    Several,
    /// A parameter in a form of the driver's.
    #[error("it has the parameter `{0}`; use named parameters, like `:code`")]
    Unnamed(String),
}

impl Statement {
    /// Reads a statement with parameters like `:code`.
    ///
    /// # Errors
    /// When it isn't one.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, StatementError> {
        let (mut sql, mut binds) = (String::new(), Vec::new());
        let (mut at, mut is_empty, mut is_ended) = (0, true, false);
        while at < text.len() {
            let (piece, bytes) = next(&text[..at], &text[at..], dialect)?;
            let written = &text[at..at + bytes];
            at += bytes;
            match piece {
                Piece::Blank => sql.push_str(written),
                _ if is_ended => return Err(StatementError::Several),
                Piece::End => is_ended = true,
                Piece::Code => {
                    is_empty = false;
                    sql.push_str(written);
                }
                Piece::Parameter => sql.push_str(&placeholder(&written[1..], dialect, &mut binds)),
            }
        }
        if is_empty {
            return Err(StatementError::Empty);
        }
        Ok(Self { sql: sql.into(), binds })
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

enum Piece {
    /// Something to run, quotes included.
    Code,
    /// White space or a comment.
    Blank,
    /// A colon and a name.
    Parameter,
    /// A semicolon.
    End,
}

/// What `rest` begins with, and how long that is.
fn next(before: &str, rest: &str, dialect: Dialect) -> Result<(Piece, usize), StatementError> {
    use Dialect::{MySql, Postgres, Sqlite};
    use Piece::{Blank, Code, End, Parameter};
    let mut chars = rest.chars();
    let (first, second) = (chars.next().unwrap_or_default(), chars.next());
    let begins_name = second.is_some_and(is_start);
    let begins_number = second.is_some_and(|c| c.is_ascii_digit());
    Ok(match (first, second, dialect) {
        (c, ..) if c.is_whitespace() => (Blank, c.len_utf8()),
        ('-', Some('-'), _) if dialect != MySql || dash_comment(rest) => (Blank, line(rest)),
        ('#', _, MySql) => (Blank, line(rest)),
        ('/', Some('*'), _) => (Blank, comment(rest, dialect == Postgres)?),
        ('\'', ..) => {
            let escapes = dialect == MySql || (dialect == Postgres && ends_with_e(before));
            (Code, quoted(rest, '\'', escapes, "text")?)
        }
        ('"', ..) => (Code, quoted(rest, '"', dialect == MySql, "quoted name")?),
        ('`', _, MySql | Sqlite) => (Code, quoted(rest, '`', false, "quoted name")?),
        ('[', _, Sqlite) => (Code, quoted(rest, ']', false, "quoted name")?),
        ('$', _, Postgres) if !before.ends_with(is_inner) => match dollars(rest)? {
            Some(bytes) => (Code, bytes),
            None if begins_number => return Err(unnamed(rest)),
            None => (Code, 1),
        },
        (':', Some(':'), _) => (Code, 2),
        (':', ..) if begins_name => (Parameter, 1 + word(&rest[1..])),
        // PostgreSQL's slices have these.
        (':', _, MySql | Sqlite) if begins_number => return Err(unnamed(rest)),
        ('?', _, MySql | Sqlite) => return Err(unnamed(rest)),
        ('$' | '@', _, Sqlite) if begins_name || begins_number => return Err(unnamed(rest)),
        (';', ..) => (End, 1),
        // A word is one piece, so that what looks like a beginning inside of it isn't taken for one.
        (c, ..) if is_start(c) || c.is_ascii_digit() => (Code, word(rest)),
        (c, ..) => (Code, c.len_utf8()),
    })
}

/// A parameter as the driver takes it. If a parameter appears twice, only MySQL wants its value twice.
fn placeholder(name: &str, dialect: Dialect, binds: &mut Vec<String>) -> String {
    let known = binds.iter().position(|bound| bound == name).filter(|_| dialect != Dialect::MySql);
    let index = known.unwrap_or_else(|| {
        binds.push(name.to_owned());
        binds.len() - 1
    });
    match dialect {
        Dialect::MySql => "?".to_owned(),
        Dialect::Sqlite => format!("?{}", index + 1),
        Dialect::Postgres => format!("${}", index + 1),
    }
}

/// Whether the `E` of a PostgreSQL text with escapes stands there.
fn ends_with_e(before: &str) -> bool {
    before.strip_suffix(['e', 'E']).is_some_and(|before| !before.ends_with(is_inner))
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
