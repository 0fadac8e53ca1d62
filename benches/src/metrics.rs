//! One figure out of `GET /metrics`.

use wasmill_tests::Host;

/// The value of the series that begins with `series`, labels included; 0 if there is none yet.
pub fn read(host: &Host, series: &str) -> f64 {
    find(&host.get("/metrics").body, series)
}

fn find(text: &str, series: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.split(' ').next());
    value.map_or(0.0, |value| value.parse().unwrap_or_else(|error| panic!("{series} {value}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_found_by_its_whole_name() {
        let text = "a_total{plugin=\"x\"} 3\na{plugin=\"x\"} 1.5 1700\n";
        assert_eq!(find(text, r#"a{plugin="x"}"#), 1.5);
        assert_eq!(find(text, r#"a{plugin="y"}"#), 0.0);
    }
}
