//! Programs that come in by the API.

pub mod api_token;
