//! Names and addresses.

use super::host::Brokers;
use std::net::{Ipv4Addr, SocketAddr};

/// Kafka's bound on a topic's name.
const MAX_TOPIC: usize = 249;
/// Leaves room for a plugin's name and `-changelog` within [`MAX_TOPIC`].
const MAX_APPLICATION: usize = 100;

/// `application`.
pub(super) fn application(text: &str) -> Result<String, String> {
    kafka_name(text, "an application", MAX_APPLICATION)
}

/// A topic's name, by Kafka's rules.
pub(super) fn topic(text: &str) -> Result<String, String> {
    kafka_name(text, "a topic", MAX_TOPIC)
}

fn kafka_name(text: &str, what: &str, max: usize) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty() || text.len() > max || text == "." || text == ".." || !text.chars().all(legal) {
        return Err(format!(
            "\"{text}\" cannot be {what}'s name: it has 1 to {max} letters (a to z), digits, dots, dashes and underscores"
        ));
    }
    Ok(text.to_owned())
}

/// `kafka.brokers`.
pub(super) fn brokers(text: &str) -> Result<Brokers, String> {
    if text.trim() == "embedded" {
        return Ok(Brokers::Embedded);
    }
    let servers = text.split(',').map(|server| broker(server.trim())).collect::<Result<Vec<_>, _>>()?;
    Ok(Brokers::Servers(servers.join(",")))
}

fn broker(server: &str) -> Result<&str, String> {
    let address = server.split_once("://").map_or(server, |(_, address)| address);
    let host_only = !address.contains(':') || address.ends_with(']');
    let good = if host_only { is_host(address) } else { host_and_port(address).is_some() };
    if good && address != "embedded" {
        Ok(server)
    } else {
        Err(format!(
            "\"{server}\" is not a broker's address: write `host:port`, several with commas between, or `embedded` alone"
        ))
    }
}

/// `admin.listen`.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| {
        format!("\"{text}\" is not an address to listen on: write an IP address and a port, such as 127.0.0.1:8080, or 0.0.0.0:8080 for all")
    })
}

/// Whether others than this machine can connect.
pub(super) fn is_public(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

/// `admin.advertise`.
pub(super) fn advertise(text: &str) -> Result<String, String> {
    match host_and_port(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("\"{text}\" is not an address that others can reach: write `host:port`")),
    }
}

/// `admin.token`. The message never has the token in it.
pub(super) fn token(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("the token is empty, and would let everybody in".into());
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("the token has spaces or characters beyond ASCII, which do not fit into an HTTP header".into());
    }
    Ok(text.to_owned())
}

fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0)?;
    is_host(host).then_some((host, port))
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_addresses_or_embedded() {
        assert_eq!(brokers("embedded"), Ok(Brokers::Embedded));
        assert_eq!(brokers("a:9092, b:9093"), Ok(Brokers::Servers("a:9092,b:9093".into())));
        for good in ["kafka", "10.0.0.1:9092", "[::1]:9092", "SASL_SSL://kafka.example:9093"] {
            assert_eq!(brokers(good), Ok(Brokers::Servers(good.into())));
        }
        for bad in ["", "a:9092,", "a:", "a:port", "a:0", "a:70000", "a b:9092", "embedded,a:9092", "::1:9092"] {
            assert!(brokers(bad).unwrap_err().contains("host:port"), "{bad}");
        }
    }

    #[test]
    fn topics_follow_the_rules_of_kafka() {
        assert_eq!(topic("shop.orders_v2-x"), Ok("shop.orders_v2-x".into()));
        for bad in ["", ".", "..", "a b", "bestellungen/ä", "^orders.*", &"x".repeat(250)] {
            assert!(topic(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_loopback_is_private() {
        for (address, public) in [
            ("127.0.0.1:80", false),
            ("localhost:80", false),
            ("[::1]:80", false),
            ("[::ffff:127.0.0.1]:80", false),
            ("0.0.0.0:80", true),
            ("[::]:80", true),
            ("192.168.0.1:80", true),
        ] {
            assert_eq!(is_public(listen(address).unwrap()), public, "{address}");
        }
        assert!(listen(":8080").unwrap_err().contains("0.0.0.0:8080"));
    }

    #[test]
    fn an_advertised_address_has_a_host_and_a_port() {
        assert_eq!(advertise("mill-1.example:8080"), Ok("mill-1.example:8080".into()));
        assert!(advertise("mill-1").is_err());
        assert!(advertise(":8080").is_err());
    }

    #[test]
    fn a_token_is_not_repeated_in_its_error() {
        let error = token("my secret").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
        assert!(token("").unwrap_err().contains("empty"));
    }
}
