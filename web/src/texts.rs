//! What pages say, in both languages, from the Fluent files under locales/.

use std::borrow::Cow;

use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use jobs::accounts::locale::Locale;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "locales"]
struct Files;

/// The sentences of both languages.
pub(crate) struct Texts {
    es: FluentBundle<FluentResource>,
    en: FluentBundle<FluentResource>,
}

impl Texts {
    /// Reads the embedded files.
    ///
    /// # Errors
    /// A file does not parse, or two say the same key.
    pub(crate) fn load() -> anyhow::Result<Self> {
        Ok(Self { es: bundle(Locale::Es)?, en: bundle(Locale::En)? })
    }

    /// A sentence. A key that is missing shows as itself; a test sees to it that none is.
    pub(crate) fn say(&self, locale: Locale, key: &str, args: &[(&str, FluentValue<'_>)]) -> String {
        let bundle = match locale {
            Locale::Es => &self.es,
            Locale::En => &self.en,
        };
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::error!(key, %locale, "a text is missing");
            return key.to_owned();
        };
        let args: FluentArgs<'_> = args.iter().map(|(name, value)| (Cow::Borrowed(*name), value.clone())).collect();
        let mut errors = Vec::new();
        let said = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
        if !errors.is_empty() {
            tracing::error!(key, %locale, ?errors, "a text is incomplete");
        }
        said
    }

    /// A day of the calendar.
    pub(crate) fn day(&self, locale: Locale, day: NaiveDate) -> String {
        let args = [
            ("day", FluentValue::from(day.day())),
            ("month", FluentValue::from(day.month())),
            ("year", FluentValue::from(day.year().to_string())),
        ];
        self.say(locale, "day", &args)
    }

    /// Day and time in that time zone; an unknown zone counts as UTC.
    pub(crate) fn moment(&self, locale: Locale, time_zone: &str, at: DateTime<Utc>) -> String {
        let zone: chrono_tz::Tz = time_zone.parse().unwrap_or_default();
        let there = at.with_timezone(&zone);
        let args = [
            ("day", FluentValue::from(there.day())),
            ("month", FluentValue::from(there.month())),
            // As text: a number would be grouped by thousands.
            ("year", FluentValue::from(there.year().to_string())),
            ("time", FluentValue::from(format!("{:02}:{:02}", there.hour(), there.minute()))),
        ];
        self.say(locale, "moment", &args)
    }
}

fn bundle(locale: Locale) -> anyhow::Result<FluentBundle<FluentResource>> {
    let language = locale.as_str().parse().context("naming the language")?;
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    // Both languages run from left to right; pages isolate names with <bdi> themselves.
    bundle.set_use_isolating(false);
    for path in Files::iter().filter(|path| path.starts_with(locale.as_str())) {
        let file = Files::get(&path).with_context(|| format!("reading {path}"))?;
        let source = String::from_utf8(file.data.into_owned()).with_context(|| format!("reading {path}"))?;
        let resource = FluentResource::try_new(source).map_err(|(_, errors)| anyhow!("{path}: {errors:?}"))?;
        bundle.add_resource(resource).map_err(|errors| anyhow!("{path}: {errors:?}"))?;
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests;
