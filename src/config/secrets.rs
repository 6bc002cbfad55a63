//! Secrets, each given as a value or as a file that holds it: `token` or `token_file`.
//!
//! A file is what container platforms mount and what no process list or crash report shows. Both in one layer is a
//! contradiction; in two layers the stronger one wins, as for every other key.

use std::{fs, io};

use huixin_wechat::Secret;

use super::environment::variable;
use super::node::Node;
use super::problem::Mistake;
use super::section::Section;
use super::shown::Shown;
use super::value;

/// Reads the secret `key`, or the file that `key_file` names, white space around it removed.
pub(super) fn read(section: &mut Section<'_>, key: &'static str) -> Option<Secret> {
    read_as(section, key, |text| Ok(Secret::from(text)))
}

/// Reads the `token` of an account. A token that WeChat's console would not take is doubted, not refused: another
/// sender of pushes may use it.
pub(super) fn token(section: &mut Section<'_>) -> Option<Secret> {
    let key = if section.has("token") { "token" } else { "token_file" };
    let origin = section.origin_of(key);
    let token = read(section, "token")?;
    let good = (3..=32).contains(&token.expose().len())
        && token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !good {
        let mistake = Mistake::new("is not a token that WeChat's console accepts");
        section.doubt(key, origin.as_ref(), mistake.hint("use 3 to 32 letters and digits"));
    }
    Some(token)
}

/// Reads a secret and makes of it what it stands for.
pub(super) fn read_as<T: Shown>(
    section: &mut Section<'_>,
    key: &'static str,
    make: impl FnOnce(String) -> Result<T, Mistake>,
) -> Option<T> {
    if !section.reader.role.reads_secrets() {
        return ignore(section, key);
    }
    let file_key = &*format!("{key}_file");
    let (value, file) = (section.take(key), section.take(file_key));
    let from_file = match (&value, &file) {
        (Some(value), Some(file)) if value.origin == file.origin || same_layer(value, file) => {
            let mistake = Mistake::new(format!("is given together with `{file_key}`"));
            section.mistake(key, Some(&value.origin), mistake.hint("leave one of them out"));
            return None;
        }
        (Some(value), Some(file)) => file.origin > value.origin,
        (None, Some(_)) => true,
        _ => false,
    };
    let (given, node) = if from_file { (file_key, file?) } else { (key, value?) };
    let text = value::text(&node);
    let text = if from_file { text.and_then(|path| read_file(section, &path)) } else { text };
    let secret = text.and_then(make).map_err(|mistake| section.mistake(given, Some(&node.origin), mistake));
    let secret = secret.ok()?;
    if from_file {
        section.show_with(key, &secret, &format!("  # {file_key}"));
    } else {
        section.show(key, &secret);
    }
    Some(secret)
}

/// Takes the keys of a secret that this role has no use for, without looking at them: its file need not be there.
pub(super) fn ignore<T>(section: &mut Section<'_>, key: &str) -> Option<T> {
    section.take(key);
    section.take(&format!("{key}_file"));
    None
}

/// Whether it is there, as a value or as a file.
pub(super) fn is_given(section: &Section<'_>, key: &str) -> bool {
    section.has(key) || section.has(&format!("{key}_file"))
}

/// The mistake that a secret, or another value of an account, isn't given anywhere.
pub(super) fn missing(section: &Section<'_>, key: &str, is_secret: bool) -> Mistake {
    let variable = variable(&format!("{}.{key}", section.path));
    let or_file = format!(", or name a file that holds it as `{key}_file`");
    let or_file = if is_secret { &*or_file } else { "" };
    Mistake::new("is missing").hint(format!("set it here or in {variable}{or_file}"))
}

fn same_layer(a: &Node, b: &Node) -> bool {
    std::mem::discriminant(&a.origin) == std::mem::discriminant(&b.origin)
}

fn read_file(section: &Section<'_>, path: &str) -> Result<String, Mistake> {
    let path = section.reader.folder.join(path);
    let text = fs::read_to_string(&path).map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => "does not exist".to_owned(),
            io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
            kind => format!("can't be read: {kind}"),
        };
        Mistake::new(format!("names `{}`, which {why}", path.display()))
    })?;
    match text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}') {
        "" => Err(Mistake::new(format!("names `{}`, which is empty", path.display()))),
        secret => Ok(secret.to_owned()),
    }
}
