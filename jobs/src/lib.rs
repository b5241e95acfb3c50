//! What work exists, by business domain.

pub mod access;
pub mod accounts;
pub mod certificates;
pub mod chat;
pub mod connections;
pub mod courses;
pub mod help_desk;
pub mod housekeeping;
pub mod mail;
pub mod operators;
pub mod payments;
pub mod ports;
pub mod reports;
pub mod sales;
pub mod school;
pub mod text;

use accounts::{send_password_reset::SendPasswordReset, welcome_learner::WelcomeLearner};
use certificates::{
    announce_certificate::AnnounceCertificate, issue_certificate::IssueCertificate, publish_status_list::PublishStatusList,
};
use chat::notify_slack::NotifySlack;
use courses::{publish_announcement::PublishAnnouncement, send_announcement::SendAnnouncement};
use help_desk::{
    announce_answer::AnnounceAnswer, announce_assignment::AnnounceAssignment, announce_closure::AnnounceClosure,
    announce_reply::AnnounceReply, announce_solution::AnnounceSolution, follow_rule_change::FollowRuleChange,
    monitor_sla::MonitorSla, notify_sla_alert::NotifySlaAlert, send_invitation::SendInvitation,
};
use housekeeping::{
    archive_tickets::ArchiveTickets, check_counters::CheckCounters, close_tickets::CloseTickets, make_partitions::MakePartitions,
    sweep_files::SweepFiles, sweep_ledger::SweepLedger, sweep_letters::SweepLetters,
    sweep_payment_messages::SweepPaymentMessages, sweep_remains::SweepRemains, sweep_reports::SweepReports,
    sweep_sessions::SweepSessions, sweep_tokens::SweepTokens,
};
use mail::read_mail_report::ReadMailReport;
use operators::{tell_operator::TellOperator, watch_platform::WatchPlatform};
use payments::{
    check_pending_payments::CheckPendingPayments, compare_payments::ComparePayments, confirm_payment::ConfirmPayment,
    open_checkout::OpenCheckout, reconcile_payments::ReconcilePayments, refund_sale::RefundSale, send_receipt::SendReceipt,
    send_refund_notice::SendRefundNotice, trace_payment::TracePayment, verify_message::VerifyMessage,
};
use ports::Ports;
use queue::Registry;
use reports::{
    announce_report::AnnounceReport, build_report::BuildReport, close_report::CloseReport, send_daily_reports::SendDailyReports,
};
use sales::{compare_sales_statistics::CompareSalesStatistics, refresh_sales_statistics::RefreshSalesStatistics};

/// Every job there is: one line a job.
#[must_use]
pub fn catalogue() -> Registry<Ports> {
    Registry::new() //
        .job::<WelcomeLearner>()
        .job::<OpenCheckout>()
        .job::<ConfirmPayment>()
        .job::<TracePayment>()
        .job::<VerifyMessage>()
        .job::<RefundSale>()
        .job::<CheckPendingPayments>()
        .job::<ReconcilePayments>()
        .job::<ComparePayments>()
        .job::<SendReceipt>()
        .job::<SendRefundNotice>()
        .job::<IssueCertificate>()
        .job::<AnnounceCertificate>()
        .job::<PublishStatusList>()
        .job::<PublishAnnouncement>()
        .job::<SendAnnouncement>()
        .job::<SendPasswordReset>()
        .job::<ReadMailReport>()
        .job::<RefreshSalesStatistics>()
        .job::<CompareSalesStatistics>()
        .job::<MonitorSla>()
        .job::<NotifySlaAlert>()
        .job::<AnnounceAnswer>()
        .job::<AnnounceSolution>()
        .job::<AnnounceClosure>()
        .job::<AnnounceAssignment>()
        .job::<AnnounceReply>()
        .job::<SendInvitation>()
        .job::<FollowRuleChange>()
        .job::<WatchPlatform>()
        .job::<TellOperator>()
        .job::<NotifySlack>()
        .job::<BuildReport>()
        .job::<AnnounceReport>()
        .job::<CloseReport>()
        .job::<SendDailyReports>()
        .job::<MakePartitions>()
        .job::<SweepSessions>()
        .job::<SweepTokens>()
        .job::<SweepLedger>()
        .job::<SweepRemains>()
        .job::<SweepLetters>()
        .job::<SweepPaymentMessages>()
        .job::<SweepReports>()
        .job::<SweepFiles>()
        .job::<CloseTickets>()
        .job::<ArchiveTickets>()
        .job::<CheckCounters>()
}
