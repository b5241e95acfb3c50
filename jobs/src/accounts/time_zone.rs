//! The zones by whose clocks people live: those of the IANA database.

use chrono_tz::{TZ_VARIANTS, Tz};
use sqlx::PgPool;

/// SQLSTATE `invalid_parameter_value`: what Postgres says of a zone that is none.
const NO_SUCH_ZONE: &str = "22023";

/// Reads what somebody typed: the name of a zone, in small or large letters, with blanks where it has underscores. Nothing: it is none.
#[must_use]
pub fn parse(typed: &str) -> Option<Tz> {
    let name = typed.trim().replace(' ', "_");
    TZ_VARIANTS.iter().copied().find(|zone| zone.name().eq_ignore_ascii_case(&name))
}

/// The zones that are proposed: those that are places, by name.
pub fn places() -> impl Iterator<Item = &'static str> {
    const PARTS: [&str; 9] = ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];
    let is_place = |name: &&str| *name == "UTC" || name.split_once('/').is_some_and(|(part, _)| PARTS.contains(&part));
    TZ_VARIANTS.iter().map(|zone| zone.name()).filter(is_place)
}

/// Whether Postgres knows the zone too: it has a database of its own, and pages ask it for days by people's clocks.
///
/// # Errors
/// Postgres cannot be reached.
pub(crate) async fn is_known(db: &PgPool, zone: Tz) -> sqlx::Result<bool> {
    match sqlx::query("select now() at time zone $1").bind(zone.name()).execute(db).await {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == NO_SUCH_ZONE) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_read_as_people_type_it_and_nothing_else_is_one() {
        for typed in ["America/Argentina/Buenos_Aires", " america/argentina/buenos aires "] {
            assert_eq!(parse(typed), Some(Tz::America__Argentina__Buenos_Aires), "{typed:?}");
        }
        for none in ["", "Bogota", "America/Macondo", "America/Bogota'", "UTC+5", "../etc"] {
            assert_eq!(parse(none), None, "{none:?}");
        }
    }

    #[test]
    fn places_are_proposed_and_abbreviations_are_not() {
        let places: Vec<&str> = places().collect();
        assert!(places.len() > 400 && places.contains(&"America/Bogota") && places.contains(&"UTC"));
        assert!(!places.contains(&"EST") && !places.contains(&"Etc/GMT+5"));
    }
}
