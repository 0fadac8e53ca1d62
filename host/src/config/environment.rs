//! `${NAME}` and `${NAME:default}` in strings.

/// Looks a variable up; a value rather than the process's own, so that tests bring theirs.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The environment of this process. A variable that is not UTF-8 counts as missing.
pub(super) fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Puts the values of variables into `text`; `$${` stays as `${`. A variable that is set to nothing is set: its default
/// does not apply.
///
/// # Errors
/// All of them, not only the first.
pub(super) fn expand(text: &str, environment: &Environment<'_>) -> Result<String, Vec<String>> {
    let mut expanded = String::with_capacity(text.len());
    let mut errors = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = (&rest[..at], &rest[at + 2..]);
        if let Some(literal) = before.strip_suffix('$') {
            expanded.push_str(literal);
            expanded.push_str("${");
            rest = reference;
            continue;
        }
        expanded.push_str(before);
        let Some(end) = reference.find('}') else {
            errors.push("`${` without a `}`; write `$${` for a literal `${`".to_owned());
            rest = "";
            break;
        };
        match look_up(&reference[..end], environment) {
            Ok(value) => expanded.push_str(&value),
            Err(error) => errors.push(error),
        }
        rest = &reference[end + 1..];
    }
    expanded.push_str(rest);
    if errors.is_empty() { Ok(expanded) } else { Err(errors) }
}

fn look_up(reference: &str, environment: &Environment<'_>) -> Result<String, String> {
    let (name, default) = match reference.split_once(':') {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !begins_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!(
            "`{name}` in `${{{reference}}}` is not a variable's name; write `$${{` for a literal `${{`"
        ));
    }
    environment(name).or_else(|| default.map(str::to_owned)).ok_or_else(|| {
        format!("the environment variable `{name}` is not set; set it, or give a default: `${{{name}:default}}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("kafka".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(expand(text, &environment), Ok(expected.to_owned()));
    }

    #[test]
    fn variables_take_their_value_or_their_default() {
        check("nothing to do for $5 or {this}", "nothing to do for $5 or {this}");
        check("${HOST}:9092,${HOST}:9093", "kafka:9092,kafka:9093");
        check("${OTHER:localhost:9092}", "localhost:9092");
        check("${OTHER:}", "");
        check("${EMPTY:default}", "");
    }

    #[test]
    fn two_dollars_escape() {
        check("$${HOST} and ${HOST}", "${HOST} and kafka");
        check("$$${HOST}", "$${HOST}");
    }

    #[test]
    fn every_missing_variable_is_named() {
        let errors = expand("${ONE}${HOST}${TWO}", &environment).unwrap_err();
        assert_eq!(errors.len(), 2);
        assert!(errors[0].contains("`ONE` is not set"), "{errors:?}");
        assert!(errors[1].contains("`TWO` is not set"), "{errors:?}");
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        assert!(expand("${HOST", &environment).unwrap_err()[0].contains("without a `}`"));
        assert!(expand("${my host}", &environment).unwrap_err()[0].contains("`my host`"));
        assert!(expand("${}", &environment).unwrap_err()[0].contains("not a variable's name"));
    }
}
