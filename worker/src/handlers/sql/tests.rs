//! Statements in rows: what becomes of the parameters, and what is left alone.

use super::statement::Dialect::{MySql, Postgres, Sqlite};
use super::statement::{Dialect, Statement, StatementError};

fn parsed(text: &str, dialect: Dialect) -> (String, Vec<String>) {
    let statement = Statement::parse(text, dialect).unwrap_or_else(|error| panic!("{text}: {error}"));
    (statement.sql().to_string(), statement.binds().to_vec())
}

#[test]
fn named_parameters_become_the_drivers_own() {
    let text = "SELECT a FROM t WHERE b = :b AND c=:c_1 AND (d>:b)";
    let rows = [
        (Sqlite, "SELECT a FROM t WHERE b = ?1 AND c=?2 AND (d>?1)", vec!["b", "c_1"]),
        (MySql, "SELECT a FROM t WHERE b = ? AND c=? AND (d>?)", vec!["b", "c_1", "b"]),
        (Postgres, "SELECT a FROM t WHERE b = $1 AND c=$2 AND (d>$1)", vec!["b", "c_1"]),
    ];
    for (dialect, sql, binds) in rows {
        assert_eq!(
            parsed(text, dialect),
            (sql.to_owned(), binds.iter().map(|bind| (*bind).to_owned()).collect())
        );
    }
}

#[test]
fn what_is_no_code_is_left_as_it_is() {
    let rows: &[(&[Dialect], &str)] = &[
        (&[Sqlite, MySql, Postgres], "SELECT ':a', 'it''s :a', '', \":a\", \"x\"\":a\""),
        (&[Sqlite, MySql, Postgres], "SELECT 1 -- :a ? 'open\n, 2"),
        (&[Sqlite, MySql, Postgres], "SELECT /* :a ? 'open ; */ 1"),
        (&[Sqlite, MySql, Postgres], "SELECT '时间 :a', '：a'"),
        (&[Sqlite, MySql, Postgres], "SELECT x::int, y ::text"),
        (&[Sqlite, MySql], "SELECT `:a`, `it``s :a`"),
        (&[Sqlite], "SELECT [:a]"),
        (&[Sqlite, Postgres], "SELECT '\\' || ':a'"),
        (&[MySql], "SELECT '\\':a', \"\\\":a\", '\\\\', ':a'"),
        (&[MySql], "SELECT 1 # :a 'open\n"),
        (&[MySql], "SELECT @a := 1, @a:=2, 5--1"),
        (&[Postgres], "SELECT E'\\':a', e'\\\\', ':a'"),
        (&[Postgres], "SELECT $$ :a ' $$, $x$ :a $$ ; $x$"),
        (&[Postgres], "SELECT /* /* :a */ :b */ 1"),
        (&[Postgres], "SELECT a[1:2], b ? 'c', a$b, j @> '{}'"),
    ];
    for (dialects, text) in rows {
        for dialect in *dialects {
            assert_eq!(parsed(text, *dialect), ((*text).to_owned(), vec![]), "{dialect:?}");
        }
    }
}

#[test]
fn a_cast_may_follow_a_parameter_and_a_text_may_stand_beside_it() {
    assert_eq!(parsed("SELECT :a::int, (:b)::text", Postgres).0, "SELECT $1::int, ($2)::text");
    assert_eq!(parsed("SELECT ':a' || :a || ':a'", Sqlite).0, "SELECT ':a' || ?1 || ':a'");
    assert_eq!(parsed("SELECT some'\\' = :a", Postgres).0, "SELECT some'\\' = $1");
    assert_eq!(parsed("SELECT :a -- :b\n, :c", MySql).0, "SELECT ? -- :b\n, ?");
    assert_eq!(parsed("SELECT :a--:b\n", MySql).0, "SELECT ?--?\n");
}

#[test]
fn a_semicolon_may_only_end_it() {
    assert_eq!(parsed(" SELECT 1 ; -- done\n ", Postgres).0, " SELECT 1  -- done\n ");
    for text in ["SELECT 1; SELECT 2", "SELECT 1;;", "SELECT 1; :a"] {
        assert_eq!(Statement::parse(text, Sqlite), Err(StatementError::Several), "{text}");
    }
}

#[test]
fn what_is_not_one_statement_with_named_parameters_is_refused() {
    let unnamed = |text: &str| StatementError::Unnamed(text.to_owned());
    let rows = [
        ("", Sqlite, StatementError::Empty),
        (" -- only a comment", MySql, StatementError::Empty),
        ("SELECT ?", MySql, unnamed("?")),
        ("SELECT ?1", Sqlite, unnamed("?1")),
        ("SELECT :1", MySql, unnamed(":1")),
        ("SELECT @a", Sqlite, unnamed("@a")),
        ("SELECT $a", Sqlite, unnamed("$a")),
        ("SELECT $1", Postgres, unnamed("$1")),
        ("SELECT 'open", Postgres, StatementError::Unclosed("text")),
        ("SELECT 'open\\'", MySql, StatementError::Unclosed("text")),
        ("SELECT `open", MySql, StatementError::Unclosed("quoted name")),
        ("SELECT /* open", Sqlite, StatementError::Unclosed("comment")),
        ("SELECT /* /* */", Postgres, StatementError::Unclosed("comment")),
        ("SELECT $a$ $$", Postgres, StatementError::Unclosed("text")),
    ];
    for (text, dialect, error) in rows {
        assert_eq!(Statement::parse(text, dialect), Err(error), "{text}");
    }
}

#[test]
fn no_text_makes_it_panic() {
    let pieces = [
        "'", "\"", "`", "[", "]", "$", "$$", "$a$", ":", ":a", "::", "?", "--", "\n", "/*", "*/", "\\", "E",
        "；", "ü", ";", "1",
    ];
    for first in pieces {
        for second in pieces {
            for third in pieces {
                let text = [first, second, third].concat();
                for dialect in [Sqlite, MySql, Postgres] {
                    let _ = Statement::parse(&text, dialect);
                }
            }
        }
    }
}
