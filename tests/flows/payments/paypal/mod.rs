//! The same with PayPal, where the person only agrees and the money is collected by us.

mod reconciled;
mod refunds;
mod signed;
mod story;
mod strange;
mod trouble;

use faena_tests::sandbox::{PaypalFunding, PaypalHappening};
use jobs::payments::sale::{Provider, SaleId};

use super::{School, attribute, leads_to, words};

impl School {
    /// Somebody new buys and stands before PayPal's page: the sale, and PayPal's name for the order.
    async fn at_the_order(&self, name: &str) -> (SaleId, String) {
        let sale = self.buys_by(Provider::Paypal, self.person(name).await).await;
        (sale, self.page_of(sale).await)
    }

    /// Lets something happen at PayPal's side.
    async fn at_paypal(&self, happening: PaypalHappening) {
        self.site.sandbox.at_paypal(happening).await.unwrap();
    }

    /// The person agrees, and closes the page.
    async fn approves(&self, order: &str, by: PaypalFunding) {
        self.at_paypal(PaypalHappening::Approve { order: order.to_owned(), by, value: None, currency: None }).await;
    }

    /// Somebody who has paid by PayPal.
    async fn paid_by_paypal(&self, name: &str) -> (SaleId, String) {
        let (sale, order) = self.at_the_order(name).await;
        self.approves(&order, PaypalFunding::Instant).await;
        assert_eq!(self.settled(sale).await, ("paid", "active".to_owned()));
        (sale, order)
    }

    async fn at_paypal_there_are(&self, kind: &str) -> i64 {
        self.site.sandbox.paypal_objects().await.unwrap()[kind].as_i64().unwrap()
    }
}
