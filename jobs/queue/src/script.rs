//! Lua scripts as files: each says in its head which keys it needs, and that is the only place.

use redis::Script;

/// What scripts share, and what a script that needs it calls.
const SHARED: [(&str, &str); 2] =
    [("expect_keys(", include_str!("lua/keys.lua")), ("open_limits(", include_str!("lua/limits.lua"))];

/// A script and the names of its keys.
#[derive(Debug)]
pub(crate) struct Lua {
    pub(crate) script: Script,
    pub(crate) keys: Vec<&'static str>,
}

macro_rules! scripts {
    ($($name:ident = $file:literal;)*) => { $(
        static $name: std::sync::LazyLock<$crate::script::Lua> =
            std::sync::LazyLock::new(|| $crate::script::Lua::new(include_str!($file)));
    )* };
}

pub(crate) use scripts;

impl Lua {
    /// Puts behind the script's first line what it needs of [`SHARED`].
    pub(crate) fn new(source: &'static str) -> Self {
        let (flags, body) = source.split_once('\n').unwrap_or((source, ""));
        let shared: String = SHARED.iter().filter(|(call, _)| body.contains(call)).map(|(_, text)| *text).collect();
        Self { script: Script::new(&format!("{flags}\n{shared}{body}")), keys: keys_of(source) }
    }
}

/// Reads `KEYS  1 job · 2 ready …` in a script's head: each number is followed by a name.
fn keys_of(source: &'static str) -> Vec<&'static str> {
    let head = source.lines().filter_map(|line| line.strip_prefix("--"));
    let about_keys =
        head.skip_while(|line| !line.contains("KEYS")).take_while(|line| !line.contains("ARGV") && !line.contains("Returns"));
    let words: Vec<&str> = about_keys.flat_map(str::split_whitespace).collect();
    let mut keys = Vec::new();
    for pair in words.windows(2) {
        if pair[0].parse() == Ok(keys.len() + 1) {
            keys.push(pair[1]);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_from_the_head() {
        let source = "#!lua\n-- Takes 1 job.\n--   KEYS  1 job · 2 ready\n--         · 3 paused (job:name) · where 2 are: 4 unique\n--   ARGV  1 id\nreturn 1";
        assert_eq!(keys_of(source), ["job", "ready", "paused", "unique"]);
        assert_eq!(keys_of("#!lua\n-- Counts.\n--   KEYS  1 job\n-- Returns 2 numbers."), ["job"]);
    }
}
