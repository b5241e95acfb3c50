//! A backlog costs nothing: no script walks through all that a key holds.

/// What takes the longer the more there is.
const WALKS: [&str; 9] = ["'LREM'", "'LPOS'", "'LINSERT'", "'HGETALL'", "'HKEYS'", "'HVALS'", "'SMEMBERS'", "'KEYS'", ", 0, -1)"];
/// What mends, once in a life of the data, and what moves another storage's queue.
const MAY_WALK: [&str; 4] = ["recount", "replace", "stock_look", "stock_set_aside"];

#[test]
fn no_script_walks_through_a_backlog() {
    let (mut walkers, mut seen) = (Vec::new(), 0);
    for (name, text) in super::files(&[".lua"]) {
        let script = name.rsplit('/').next().unwrap().trim_end_matches(".lua").to_owned();
        seen += usize::from(["claim", "finish", "push", "counts", "promote"].contains(&script.as_str()));
        let mut code = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        if code.any(|line| WALKS.iter().any(|walk| line.contains(walk))) {
            walkers.push(script);
        }
    }
    assert_eq!((walkers, seen), (MAY_WALK.map(str::to_owned).to_vec(), 5));
}
