//! `huixin dead`: what lies among the dead letters, and what is to become of it.

use huixin_queue::{DEAD_SCAN_MAX, MessageId};

use super::operate::{config, json, known};
use crate::cli::{ActFlags, Cli, DeadCommand, LetterFilter};
use crate::operator::{LetterQuery, LetterView, OperatorClient};
use crate::report::{Failure, NotDone};

const REASON_WIDTH: usize = 80;
/// How many of those that would be acted on are shown.
const SHOWN: usize = 20;

pub(super) async fn dead(cli: &Cli, command: &DeadCommand) -> Result<(), Failure> {
    let operator = OperatorClient::open(&config(cli)?)?;
    match command {
        DeadCommand::List(list) => {
            let letters = matching(&operator, &list.filter, list.limit).await?;
            if letters.is_empty() {
                none_of(cli, &operator, &list.filter).await?;
            }
            if list.look.output.json {
                return json(&letters);
            }
            for letter in &letters {
                let mut reason: String = letter.reason.chars().take(REASON_WIDTH).collect();
                if reason.len() < letter.reason.len() {
                    reason.push('…');
                }
                println!(
                    "{}  {}  {:<10}  {:<12}  {reason}",
                    letter.id, letter.died_at, letter.account, letter.kind
                );
            }
            println!("{} shown", letters.len());
            Ok(())
        }
        DeadCommand::Show(show) => {
            let letter = one(&operator, &show.id).await?;
            if show.look.output.json {
                return json(&letter);
            }
            let LetterView { id, account, user, kind, reason, accepted_at, died_at, failures, losses, body } =
                letter;
            println!(
                "id        {id}\naccount   {account}\nuser      {user}\nkind      {kind}\nreason    {reason}"
            );
            println!(
                "accepted  {accepted_at}\ndied      {died_at}\nfailures  {failures} before the last\nlosses    {losses}\n\n{}",
                body.unwrap_or_default()
            );
            Ok(())
        }
        DeadCommand::Retry(act) => {
            let what = ("put back", " into their users' lanes");
            act_on(cli, &operator, act, what, async |ids| operator.revive(ids).await).await
        }
        DeadCommand::Drop(act) => {
            let what = ("removed", " for good");
            act_on(cli, &operator, act, what, async |ids| operator.drop_letters(ids).await).await
        }
    }
}

async fn one(operator: &OperatorClient, id: &str) -> Result<LetterView, Failure> {
    let id = MessageId::new(id).map_err(anyhow::Error::from)?;
    let none = || Failure::failed(format!("there is no dead letter `{id}`"), "`huixin dead list` lists all");
    operator.letter(&id).await?.ok_or_else(none)
}

/// The first letters that match, walked over page by page.
async fn matching(
    operator: &OperatorClient,
    filter: &LetterFilter,
    most: usize,
) -> Result<Vec<LetterView>, Failure> {
    let mut found = Vec::new();
    let mut asked = asked(filter);
    loop {
        asked.limit = DEAD_SCAN_MAX.min((most - found.len()) as u64);
        let page = operator.letters(&asked).await?;
        found.extend(page.letters);
        asked.after = page.next;
        if asked.after.is_none() || found.len() >= most {
            return Ok(found);
        }
    }
}

/// Does something to one letter or to all that match, a page at a time; without `--yes` it only says to which.
async fn act_on(
    cli: &Cli,
    operator: &OperatorClient,
    flags: &ActFlags,
    what: (&str, &str),
    act: impl AsyncFn(&[MessageId]) -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let done_to = |done| {
        println!("{done} {}", what.0);
        Ok(())
    };
    if let Some(id) = &flags.id {
        let letter = one(operator, id).await?;
        return match flags.yes {
            true => done_to(act(&ids_of(&[letter])?).await?),
            false => Err(only_said(&[letter], 1, what)),
        };
    }
    let mut asked = asked(&flags.filter);
    let (mut done, mut first) = (0, Vec::new());
    loop {
        let page = operator.letters(&asked).await?;
        // A letter that is gone by now was somebody else's doing.
        done += match flags.yes {
            true => act(&ids_of(&page.letters)?).await?,
            false => page.letters.len(),
        };
        first.extend(page.letters.into_iter().take(SHOWN.saturating_sub(first.len())));
        asked.after = page.next;
        if asked.after.is_none() {
            if first.is_empty() {
                none_of(cli, operator, &flags.filter).await?;
            }
            return if flags.yes || first.is_empty() {
                done_to(done)
            } else {
                Err(only_said(&first, done, what))
            };
        }
    }
}

fn asked(filter: &LetterFilter) -> LetterQuery {
    LetterQuery {
        account: filter.account.clone(),
        user: filter.user.clone(),
        reason: filter.reason.clone(),
        limit: DEAD_SCAN_MAX,
        ..LetterQuery::default()
    }
}

/// Says how many letters it would be done to, and which flag to add.
fn only_said(letters: &[LetterView], all: usize, (what, where_to): (&str, &str)) -> Failure {
    letters.iter().for_each(|letter| println!("{}  {}", letter.id, letter.reason));
    let many = if all == 1 { "1 dead letter".to_owned() } else { format!("{all} dead letters") };
    let shown =
        if all > letters.len() { format!(" (the first {} are above)", letters.len()) } else { String::new() };
    NotDone(format!("{many} would be {what}{where_to}{shown}. Nothing is done yet: add --yes to do it"))
        .into()
}

/// Nothing matches; for an unknown account nothing ever will.
async fn none_of(cli: &Cli, operator: &OperatorClient, filter: &LetterFilter) -> Result<(), Failure> {
    match &filter.account {
        Some(account) => known(&config(cli)?, &operator.status().await?, account),
        None => Ok(()),
    }
}

fn ids_of(letters: &[LetterView]) -> Result<Vec<MessageId>, Failure> {
    let ids = letters.iter().map(|letter| MessageId::new(letter.id.as_str()));
    Ok(ids.collect::<Result<_, _>>().map_err(anyhow::Error::from)?)
}
