//! The pages. Each is one handler file and one template of the same name beside it.

pub(crate) mod account;
pub(crate) mod landing;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod register;
pub(crate) mod verification_letter;
pub(crate) mod verify;
