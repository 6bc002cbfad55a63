//! What a first configuration must know: from flags, and at a terminal from answers.

use std::io::{BufRead, Write};

use clap::ValueEnum as _;
use url::Url;

use crate::cli::{HandlerKind, InitFlags, PushMode};
use crate::report::{ExitCode, Failure};

/// What stands for an AppID where there is none.
const NONE: &str = "none";

/// All that flags and answers tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InitAnswers {
    /// `None`: the pretend WeChat's.
    pub(super) app_id: Option<String>,
    pub(super) mode: PushMode,
    pub(super) handler: HandlerKind,
    pub(super) address: String,
    pub(super) model: String,
    pub(super) store: String,
}

/// Something that is asked.
struct Question<'a> {
    flag: &'static str,
    text: &'a str,
    default: &'a str,
    /// What is wrong with an answer.
    check: fn(&str) -> Option<&'static str>,
}

/// Takes the flags, and asks for the rest.
///
/// # Errors
/// A flag has a wrong value, or the input ends too early.
pub(super) fn ask(
    flags: &InitFlags,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<InitAnswers, Failure> {
    let mut answer = |given: &Option<String>, question: Question<'_>| match given {
        Some(given) => question.checked(given),
        None => question.put(input, output),
    };
    let app_id = answer(&flags.app_id, APP_ID)?;
    let handler = match flags.handler {
        Some(handler) => handler,
        None => handler_named(&answer(&None, HANDLER)?).unwrap_or(HandlerKind::Reply),
    };
    let address = answer(&flags.address, about_address(handler))?;
    let model = match handler {
        HandlerKind::Chat => answer(&flags.model, MODEL)?,
        _ if flags.model.is_some() => {
            let failure = Failure::failed("only `chat` has a model", "leave --model out");
            return Err(Failure { code: ExitCode::Usage, ..failure });
        }
        _ => String::new(),
    };
    let store = answer(&flags.store, STORE)?;
    let app_id = Some(app_id).filter(|id| id != NONE);
    Ok(InitAnswers { app_id, mode: flags.mode, handler, address, model, store })
}

/// Takes the flags, which must say everything that has no default of its own.
///
/// # Errors
/// One is missing or has a wrong value.
pub(super) fn without_asking(flags: &InitFlags) -> Result<InitAnswers, Failure> {
    let missing = [
        ("--app-id", flags.app_id.is_none()),
        ("--handler", flags.handler.is_none()),
        ("--address", flags.address.is_none()),
        ("--store", flags.store.is_none()),
    ];
    let missing: Vec<&str> =
        missing.into_iter().filter(|(_, missing)| *missing).map(|(flag, _)| flag).collect();
    if !missing.is_empty() {
        let problem =
            format!("the input is not a terminal, so you can't be asked for {}", missing.join(", "));
        let hint = "give these flags; `huixin init --help` has an example";
        return Err(Failure { code: ExitCode::Usage, ..Failure::failed(problem, hint) });
    }
    let default = (flags.handler == Some(HandlerKind::Chat)).then(|| MODEL.default.to_owned());
    let model = flags.model.clone().or(default);
    let all = InitFlags {
        model,
        app_id: flags.app_id.clone(),
        address: flags.address.clone(),
        store: flags.store.clone(),
        ..*flags
    };
    ask(&all, &mut std::io::empty(), &mut std::io::sink())
}

impl Question<'_> {
    fn checked(&self, given: &str) -> Result<String, Failure> {
        match (self.check)(given) {
            None => Ok(given.to_owned()),
            Some(wrong) => {
                let problem = format!("{} can't be used: {wrong}", self.flag);
                let hint = format!("give it like {} {:?}", self.flag, self.default);
                Err(Failure { code: ExitCode::Usage, ..Failure::failed(problem, hint) })
            }
        }
    }

    /// Asks until the answer can be used.
    fn put(&self, input: &mut dyn BufRead, output: &mut dyn Write) -> Result<String, Failure> {
        loop {
            write!(output, "{}\n  [{}] ", self.text, self.default)?;
            output.flush()?;
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Err(Failure::failed(
                    format!("the input ends before {} is known", self.flag),
                    "answer all questions, or give flags: nothing is written",
                ));
            }
            let given = Some(line.trim()).filter(|line| !line.is_empty()).unwrap_or(self.default);
            match (self.check)(given) {
                None => return Ok(given.to_owned()),
                Some(wrong) => writeln!(output, "  That can't be used: {wrong}.")?,
            }
        }
    }
}

const APP_ID: Question<'_> = Question {
    flag: "--app-id",
    text: "The account's AppID, `wx…`; `none` if there is none yet",
    default: NONE,
    check: |given| {
        let good = given == NONE || given.starts_with("wx");
        (!good)
            .then_some("an AppID begins with `wx` and is in WeChat's console (微信开发者平台) under 基础信息")
    },
};
const HANDLER: Question<'_> = Question {
    flag: "--handler",
    text: "What answers: reply (a text), http (a service of yours), chat (a language model), sql (a database)",
    default: "reply",
    check: |given| handler_named(given).is_none().then_some("it must be reply, http, chat or sql"),
};
const MODEL: Question<'_> =
    Question { flag: "--model", text: "The model's name", default: "qwen3:1.7b", check: some };
const STORE: Question<'_> = Question {
    flag: "--store",
    text: "Where messages wait: a file for one process, or redis://HOST:6379/0 for many",
    default: "sqlite:huixin.db",
    check: |given| {
        let known = ["sqlite:", "redis://", "rediss://", "redis+unix://"];
        let good = known.iter().any(|start| given.starts_with(start));
        (!good).then_some("it must be `sqlite:` and a path, or the URL of a Redis")
    },
};

fn about_address(handler: HandlerKind) -> Question<'static> {
    let (text, default, check): (_, _, fn(&str) -> Option<&'static str>) = match handler {
        HandlerKind::Reply => ("The text; {{ content }} is what the user wrote", "收到：{{ content }}", some),
        HandlerKind::Http => ("The URL of your service", "http://127.0.0.1:9000/", web),
        HandlerKind::Chat => {
            ("The base URL of an endpoint like OpenAI's, here Ollama's", "http://127.0.0.1:11434/v1", web)
        }
        HandlerKind::Sql => {
            ("The database: mysql://…, postgres://… or sqlite:PATH", "sqlite:factory.db", |given| {
                let known = ["mysql://", "mariadb://", "postgres://", "postgresql://", "sqlite:"];
                let good = known.iter().any(|start| given.starts_with(start));
                (!good).then_some("it is not the URL of a database")
            })
        }
    };
    Question { flag: "--address", text, default, check }
}

fn handler_named(name: &str) -> Option<HandlerKind> {
    HandlerKind::from_str(name, true).ok()
}

fn some(given: &str) -> Option<&'static str> {
    given.trim().is_empty().then_some("it is empty")
}

fn web(given: &str) -> Option<&'static str> {
    let good = Url::parse(given).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    (!good).then_some("it is not an http:// or https:// URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(flags: &InitFlags, typed: &str) -> (Result<InitAnswers, Failure>, String) {
        let mut shown = Vec::new();
        let answers = ask(flags, &mut typed.as_bytes(), &mut shown);
        (answers, String::from_utf8(shown).unwrap())
    }

    #[test]
    fn who_only_presses_enter_gets_a_text_from_the_pretend_wechat_out_of_a_file() {
        let (answers, shown) = asked(&InitFlags::default(), "\n\n\n\n");
        let answers = answers.unwrap();
        assert_eq!((answers.app_id, answers.handler), (None, HandlerKind::Reply));
        assert_eq!(
            (answers.address.as_str(), answers.store.as_str()),
            ("收到：{{ content }}", STORE.default)
        );
        assert_eq!(shown.matches('[').count(), 4, "{shown}");
    }

    #[test]
    fn no_more_than_five_questions_are_asked_and_none_that_a_flag_has_answered() {
        let typed = "wx1\nchat\nhttps://api.deepseek.com/v1\ndeepseek-chat\nredis://127.0.0.1:6379/0\n";
        let (answers, shown) = asked(&InitFlags::default(), typed);
        let all = answers.unwrap();
        assert_eq!((all.app_id.as_deref(), all.model.as_str()), (Some("wx1"), "deepseek-chat"));
        assert_eq!(shown.matches("\n  [").count(), 5, "{shown}");
        let flags = InitFlags {
            app_id: all.app_id.clone(),
            handler: Some(all.handler),
            address: Some(all.address.clone()),
            model: Some(all.model.clone()),
            ..InitFlags::default()
        };
        let (answers, shown) = asked(&flags, "redis://127.0.0.1:6379/0\n");
        assert_eq!((answers.unwrap(), shown.matches("\n  [").count()), (all, 1));
    }

    #[test]
    fn an_answer_that_cannot_be_used_is_asked_again_and_an_input_that_ends_is_told() {
        let (answers, shown) =
            asked(&InitFlags::default(), "gh_1\nwx1\nfax\nhttp\nlocalhost\nhttp://h/\nfile\n");
        for wrong in
            ["begins with `wx`", "must be reply", "not an http:// or https:// URL", "must be `sqlite:`"]
        {
            assert!(shown.contains(wrong), "{wrong}: {shown}");
        }
        assert!(answers.unwrap_err().render().contains("ends before --store is known"));
    }

    #[test]
    fn without_a_terminal_every_missing_flag_is_named_and_a_wrong_one_refused() {
        let problem = without_asking(&InitFlags::default()).unwrap_err();
        assert_eq!(problem.code, ExitCode::Usage);
        assert!(problem.render().contains("--app-id, --handler, --address, --store"), "{}", problem.render());
        let flags = InitFlags {
            app_id: Some(NONE.to_owned()),
            handler: Some(HandlerKind::Http),
            address: Some("nowhere".to_owned()),
            store: Some(STORE.default.to_owned()),
            ..InitFlags::default()
        };
        let problem = without_asking(&flags).unwrap_err().render();
        assert!(
            problem.contains("--address can't be used: it is not an http:// or https:// URL"),
            "{problem}"
        );
    }
}
