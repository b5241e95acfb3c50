//! What PayPal lists: payments by its Transaction Search (<https://developer.paypal.com/docs/api/transaction-search/v1/>), disputes by
//! theirs.

use chrono::{DateTime, Utc};
use jobs::{
    payments::nullable::or_default,
    ports::payments::{Listed, ListedReturn, Returned, SeenRefundState, Trouble},
};
use serde::Deserialize;
use url::Url;

use super::{
    Paypal, moment,
    objects::{Dispute, Link, Transactions},
};

/// PayPal gives at most so many transactions at once, and so many disputes.
const PAGE_SIZE: &str = "500";
const DISPUTES_PAGE_SIZE: &str = "50";
/// More pages than this nobody reads.
const MAX_PAGES: usize = 200;

impl Paypal {
    /// A page of the payments since then. The next page is of the list up to the same moment.
    pub(super) async fn payments(&self, since: DateTime<Utc>, after: Option<&str>) -> Result<Listed, Trouble> {
        let (page, until) = after
            .and_then(|after| after.split_once('@'))
            .map_or_else(|| ("1".to_owned(), moment(Utc::now())), |(page, until)| (page.to_owned(), until.to_owned()));
        let listed = self.transactions(since, &page, &until).await?;
        let next = listed.page_after(&page).map(|page| format!("{page}@{until}"));
        Ok(Listed { complete_until: Some(listed.complete_until()), payments: listed.payments(), next })
    }

    /// Refunds, and disputes that were opened or have moved.
    pub(super) async fn returns(&self, since: DateTime<Utc>) -> Result<Vec<ListedReturn>, Trouble> {
        let (mut page, until) = ("1".to_owned(), moment(Utc::now()));
        let mut returns = Vec::new();
        for _ in 0..MAX_PAGES {
            let listed = self.transactions(since, &page, &until).await?;
            let next = listed.page_after(&page);
            // What is listed has moved.
            returns.extend(listed.refunds().into_iter().map(|(payment_ref, own_ref)| ListedReturn {
                payment_ref,
                own_ref,
                state: Returned::Refund(SeenRefundState::Succeeded),
            }));
            let Some(next) = next else { break };
            page = next;
        }
        for name in self.disputes_by(("update_time_after", &moment(since))).await? {
            let dispute: Dispute = self.get(&["v1", "customer", "disputes", &name], &[]).await?;
            if let Some((payment, state)) = dispute.payment().zip(dispute.state()) {
                returns.push(ListedReturn { payment_ref: payment.to_owned(), own_ref: name, state: Returned::Dispute(state) });
            }
        }
        Ok(returns)
    }

    async fn transactions(&self, since: DateTime<Utc>, page: &str, until: &str) -> Result<Transactions, Trouble> {
        let query = [
            ("start_date", moment(since)),
            ("end_date", until.to_owned()),
            ("fields", "transaction_info".to_owned()),
            ("page_size", PAGE_SIZE.to_owned()),
            ("page", page.to_owned()),
        ];
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.get(&["v1", "reporting", "transactions"], &query).await
    }

    /// The names of disputes, all pages of them.
    pub(super) async fn disputes_by(&self, filter: (&str, &str)) -> Result<Vec<String>, Trouble> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default, deserialize_with = "or_default")]
            items: Vec<Item>,
            #[serde(default, deserialize_with = "or_default")]
            links: Vec<Link>,
        }
        #[derive(Deserialize)]
        struct Item {
            dispute_id: String,
        }
        let mut names = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut query = vec![filter, ("page_size", DISPUTES_PAGE_SIZE)];
            query.extend(token.as_deref().map(|token| ("next_page_token", token)));
            let page: Page = self.get(&["v1", "customer", "disputes"], &query).await?;
            names.extend(page.items.into_iter().map(|item| item.dispute_id));
            let next = page.links.iter().find(|link| link.rel == "next").and_then(|link| Url::parse(&link.href).ok());
            token = next.and_then(|url| {
                url.query_pairs().find(|(name, _)| name == "next_page_token").map(|(_, token)| token.into_owned())
            });
            if token.is_none() {
                return Ok(names);
            }
        }
        Err(Trouble::Refused { words: "there are more disputes than can be read".to_owned() })
    }
}
