//! Who is at the other end, when proxies of ours stand between.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::{IpNet, Ipv6Net};

/// The client's address. X-Forwarded-For is read from its end, and only as far as proxies of ours wrote it: what stands before
/// them was written by the client and may say anything.
pub(crate) fn client_ip(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_ours = |address: IpAddr| trusted.iter().any(|block| block.contains(&address));
    let peer = peer.to_canonical();
    if !is_ours(peer) {
        return peer;
    }
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    let mut client = peer;
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_ours(client) {
            break;
        }
    }
    client
}

/// What throttling counts by: an IPv4 address, or the /64 that one IPv6 customer has at least (RFC 6177).
pub(crate) fn throttle_subject(client: IpAddr) -> String {
    match client.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 64).trunc().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn given(peer: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let headers = forwarded.iter().fold(HeaderMap::new(), |mut headers, line| {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
            headers
        });
        let trusted: Vec<IpNet> = trusted.iter().map(|block| block.parse().expect("a block")).collect();
        client_ip(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        assert_eq!(given("192.0.2.9", &["198.51.100.1"], &[]), "192.0.2.9");
        assert_eq!(given("192.0.2.9", &["198.51.100.1"], &["10.0.0.0/8"]), "192.0.2.9");
    }

    #[test]
    fn the_last_address_that_is_not_ours_is_the_client() {
        let ours = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(given("10.0.0.1", &["203.0.113.7, 198.51.100.1"], &ours), "198.51.100.1");
        assert_eq!(given("10.0.0.1", &["203.0.113.7", "198.51.100.1, 10.0.0.2"], &ours), "198.51.100.1");
        assert_eq!(given("::ffff:10.0.0.1", &["2001:db8::7"], &ours), "2001:db8::7");
        assert_eq!(given("10.0.0.1", &["10.0.0.3"], &ours), "10.0.0.3");
    }

    #[test]
    fn nonsense_ends_the_walk() {
        assert_eq!(given("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], &["10.0.0.0/8"]), "10.0.0.2");
        assert_eq!(given("10.0.0.1", &[], &["10.0.0.0/8"]), "10.0.0.1");
    }

    #[test]
    fn an_ipv6_customer_is_counted_as_one() {
        let subject = |address: &str| throttle_subject(address.parse().expect("an address"));
        assert_eq!(subject("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(subject("2001:db8:1:2::1"), subject("2001:db8:1:2:ffff::9"));
        assert_eq!(subject("192.0.2.1"), subject("::ffff:192.0.2.1"));
    }
}
