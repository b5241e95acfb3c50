//! Fields that providers leave out, or send as `null`: both mean that there is nothing.

use serde::{Deserialize, Deserializer};

/// Reads a field whose `null` is its default. Beside `#[serde(default)]`, which is for fields that are not there.
///
/// # Errors
/// It is neither.
pub fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
