//! The pages. Each is one handler file and one template of the same name beside it.

pub(crate) mod account;
pub(crate) mod dev_letter;
pub(crate) mod dev_mail;
pub(crate) mod forgotten_password;
pub(crate) mod landing;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod mail_preferences;
pub(crate) mod new_password;
pub(crate) mod ops;
pub(crate) mod ops_cancel;
pub(crate) mod ops_job;
pub(crate) mod ops_jobs;
pub(crate) mod ops_mail;
pub(crate) mod ops_retry;
pub(crate) mod ops_schedule;
pub(crate) mod ops_schedule_commands;
pub(crate) mod ops_schedule_form;
pub(crate) mod ops_schedules;
pub(crate) mod register;
pub(crate) mod unsubscribe;
pub(crate) mod verification_letter;
pub(crate) mod verify;
