//! What became of a job that the account had started: a broadcast (群发) or a publication (发布).
//!
//! WeChat counts its own lists wrongly at times, so no `Count` is read where there is a list. What a code means is said
//! at its field, and the code stays a number: WeChat adds codes.

use serde::Serialize;

use super::field::{inside, number, word, word_if_any};
use crate::xml::Element;

/// The result of a broadcast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MassSendJob {
    /// `MsgID`, the id that the call to send was answered with. No inbound message has an id of this kind.
    pub sent_id: String,
    /// `send success` (once `sendsuccess`), `send fail`, or `err(N)`.
    pub status: String,
    /// Whether the status is one of success. Some users may still not have got it: see the counts.
    pub succeeded: bool,
    /// N of `err(N)`: 10001 advertising, 20001 politics, 20002 pornography, 20004 society, 20006 crime, 20008 fraud,
    /// 20013 copyright, 21000 other, 22000 mutual promotion, 30001 to 30003 originality, 40001 refused by the
    /// administrator, 40002 the administrator didn't answer in time.
    pub error_code: Option<u64>,
    /// Users in the group.
    pub total_count: Option<u64>,
    /// Users left after WeChat's filters.
    pub filter_count: Option<u64>,
    /// Users who got it.
    pub sent_count: Option<u64>,
    /// Users for whom it failed.
    pub error_count: Option<u64>,
    /// The check for originality, if one was made.
    pub copyright: Option<CopyrightCheck>,
    /// The links of the articles that were sent.
    pub articles: Vec<ArticleLink>,
}

/// The check of a broadcast for originality (`CopyrightCheckResult`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyrightCheck {
    /// `CheckState`, the code of the whole.
    pub check_state: Option<u64>,
    /// The result for each article.
    pub articles: Vec<CopyrightArticle>,
}

/// The check of one article for originality. The codes are WeChat's own, which it doesn't explain in the push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyrightArticle {
    /// `ArticleIdx`, its position in the broadcast, from 1.
    pub idx: Option<u64>,
    /// `UserDeclareState`: what the author declared.
    pub user_declare_state: Option<u64>,
    /// `AuditState`: what the check found.
    pub audit_state: Option<u64>,
    /// `OriginalArticleUrl`: the article that it resembles.
    pub original_url: String,
    /// `OriginalArticleType`: the kind of that article.
    pub original_type: Option<u64>,
    /// `CanReprint`: whether it may be reprinted.
    pub can_reprint: Option<u64>,
    /// `NeedReplaceContent`: whether its content must be replaced.
    pub need_replace_content: Option<u64>,
    /// `NeedShowReprintSource`: whether its source must be shown.
    pub need_show_reprint_source: Option<u64>,
}

/// The result of a publication (`PublishEventInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishJob {
    /// The id that the call to publish was answered with.
    pub publish_id: String,
    /// `publish_status`: 0 published, 1 in progress, 2 refused for originality, 3 failed, 4 refused by review, 5 deleted
    /// by the user, 6 banned by WeChat.
    pub status: Option<u64>,
    /// The article's id, when it was published.
    pub article_id: Option<String>,
    /// Its articles, when it was published.
    pub articles: Vec<ArticleLink>,
    /// `fail_idx`: the positions of the articles that were refused, from 1.
    pub failed_idx: Vec<u64>,
}

/// An article and where it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArticleLink {
    /// Its position, from 1.
    pub idx: Option<u64>,
    /// Its address.
    pub url: String,
}

impl MassSendJob {
    pub(super) fn of(tree: &Element) -> MassSendJob {
        let status = word(tree, "Status");
        let plain: String = status.to_ascii_lowercase().split_whitespace().collect();
        MassSendJob {
            sent_id: word(tree, "MsgID"),
            succeeded: plain == "sendsuccess",
            error_code: plain.strip_prefix("err(").and_then(|rest| rest.strip_suffix(')')?.parse().ok()),
            status,
            total_count: number(tree, "TotalCount"),
            filter_count: number(tree, "FilterCount"),
            sent_count: number(tree, "SentCount"),
            error_count: number(tree, "ErrorCount"),
            copyright: tree.get("CopyrightCheckResult").map(CopyrightCheck::of),
            articles: tree.get("ArticleUrlResult").map_or_else(Vec::new, |result| {
                inside(result, "ResultList", "item")
                    .map(|item| ArticleLink::of(item, "ArticleIdx", "ArticleUrl"))
                    .collect()
            }),
        }
    }
}

impl CopyrightCheck {
    fn of(result: &Element) -> CopyrightCheck {
        let article = |item: &Element| CopyrightArticle {
            idx: number(item, "ArticleIdx"),
            user_declare_state: number(item, "UserDeclareState"),
            audit_state: number(item, "AuditState"),
            original_url: word(item, "OriginalArticleUrl"),
            original_type: number(item, "OriginalArticleType"),
            can_reprint: number(item, "CanReprint"),
            need_replace_content: number(item, "NeedReplaceContent"),
            need_show_reprint_source: number(item, "NeedShowReprintSource"),
        };
        CopyrightCheck {
            check_state: number(result, "CheckState"),
            articles: inside(result, "ResultList", "item").map(article).collect(),
        }
    }
}

impl PublishJob {
    /// From the root, or what is inside `PublishEventInfo`.
    pub(super) fn of(tree: &Element) -> PublishJob {
        let info = tree.get("PublishEventInfo").unwrap_or(tree);
        PublishJob {
            publish_id: word(info, "publish_id"),
            status: number(info, "publish_status"),
            article_id: word_if_any(info, "article_id"),
            articles: inside(info, "article_detail", "item")
                .map(|item| ArticleLink::of(item, "idx", "article_url"))
                .collect(),
            failed_idx: info.all("fail_idx").filter_map(|idx| idx.text.trim().parse().ok()).collect(),
        }
    }
}

impl ArticleLink {
    fn of(item: &Element, idx: &str, url: &str) -> ArticleLink {
        ArticleLink { idx: number(item, idx), url: word(item, url) }
    }
}
