//! Accounts: who a person is, how they register, prove their address and come in.

pub mod amend;
pub mod email_address;
pub mod full_name;
pub mod invite;
pub mod locale;
pub mod password;
pub mod password_reset;
pub mod register;
pub mod role;
pub mod secret_key;
pub mod send_password_reset;
pub mod settings;
pub mod sign_in;
pub mod time_zone;
pub mod user;
pub mod verification;
pub mod welcome_learner;
