//! Payments: what a course costs, who has paid, and where each cent stands.
//!
//! ```text
//! buy ─tx─► sale + open_checkout ─► the provider's page ─► the person pays
//!                                                              │
//!  web: verify, write down, promise, answer ◄── webhook ───────┘
//!          └─► confirm_payment: ask the provider ─► apply: state, ledger, enrolment, receipt in one transaction
//! ```
//!
//! A message only says where to look. Whatever is written about money was asked of the provider, so messages may come late, twice, in any
//! order or not at all.

pub mod apply;
pub mod check_pending_payments;
pub mod checkout;
pub mod compare_payments;
pub mod confirm_payment;
pub mod difference;
pub mod ledger;
pub mod money;
mod notice;
pub mod nullable;
pub mod open_checkout;
pub mod paypal;
pub mod purchase;
pub mod receive;
pub mod reconcile_payments;
pub mod refund_sale;
pub mod refunds;
pub mod review;
pub mod sale;
pub mod send_receipt;
pub mod send_refund_notice;
pub mod stripe;
pub mod trace_payment;
pub mod verify_message;
