//! A TOML file being read: its places, what is wrong with it, and which keys the reader knows.

use super::environment::{self, Environment};
use super::errors::{ConfigError, ConfigErrors, Place};
use super::table::Table;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// How like two keys must be (0 to 1) for one to be offered in place of the other.
const ALIKE: f64 = 0.6;

/// What the reader's cursors share.
pub(super) struct Document<'t> {
    file: Option<&'t Path>,
    text: &'t str,
    environment: &'t Environment<'t>,
    /// Whether it is not TOML, so that nobody knows what it says.
    broken: Cell<bool>,
    findings: RefCell<Findings>,
}

#[derive(Default)]
struct Findings {
    errors: Vec<ConfigError>,
    /// Table → the keys that the reader asked it for.
    known: BTreeMap<String, Vec<Known>>,
    unknown: Vec<Unknown>,
}

struct Known {
    key: String,
    kind: Kind,
}

/// What a known key is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It has a value.
    Value,
    /// It is a table with keys of its own.
    Table,
}

/// A key that nobody asked for. Which one was meant is found when all that are known are known.
struct Unknown {
    table: String,
    key: String,
    place: Place,
}

impl<'t> Document<'t> {
    pub(super) fn new(file: Option<&'t Path>, text: &'t str, environment: &'t Environment<'t>) -> Self {
        Document { file, text, environment, broken: Cell::new(false), findings: RefCell::default() }
    }

    /// The whole file. A second value for a key is reported and left out; text that is not TOML is reported, and the
    /// table is empty, since what is left of it would only lead to wrong errors.
    pub(super) fn root(&self) -> Table<'_, 't> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let is_duplicate = |error: &toml::de::Error| error.message() == "duplicate key";
        self.broken.set(!errors.iter().all(is_duplicate));
        for error in errors {
            let message = match is_duplicate(&error) {
                true => "duplicate key: it is already set above".to_owned(),
                false => format!("not TOML: {}", error.message()),
            };
            self.report(self.place(error.span().unwrap_or(0..0)), message);
        }
        Table::new(self, String::new(), if self.broken.get() { DeTable::new() } else { table.into_inner() })
    }

    /// The answer, unless something was wrong on the way to it.
    pub(super) fn finish<T>(&self, config: T) -> Result<T, ConfigErrors> {
        let findings = self.findings.take();
        let unknown = findings.unknown.iter().map(|unknown| findings.explain(unknown)).collect::<Vec<_>>();
        match ConfigErrors::new([findings.errors, unknown].concat()) {
            Some(errors) => Err(errors),
            None => Ok(config),
        }
    }

    /// Every key that the reader asked for, with its table: `kafka.brokers`.
    #[cfg(test)]
    pub(super) fn known_keys(&self) -> Vec<String> {
        let findings = self.findings.borrow();
        let values = findings.known.iter().flat_map(|(table, keys)| keys.iter().map(move |known| (table, known)));
        values.filter(|(_, known)| known.kind == Kind::Value).map(|(table, known)| join(table, &known.key)).collect()
    }

    /// The file's folder: where its relative paths begin.
    pub(super) fn folder(&self) -> PathBuf {
        self.file.and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default()
    }

    pub(super) fn report(&self, place: Place, message: String) {
        self.findings.borrow_mut().errors.push(ConfigError { place, message });
    }

    /// As [`Document::report`], of something that is not there; it may well be in a file that could not be understood.
    pub(super) fn report_missing(&self, place: Place, message: String) {
        if !self.broken.get() {
            self.report(place, message);
        }
    }

    pub(super) fn learn(&self, table: &str, key: &str, kind: Kind) {
        self.findings.borrow_mut().known.entry(table.to_owned()).or_default().push(Known { key: key.to_owned(), kind });
    }

    pub(super) fn report_unknown(&self, table: &str, key: &str, place: Place) {
        let unknown = Unknown { table: table.to_owned(), key: key.to_owned(), place };
        self.findings.borrow_mut().unknown.push(unknown);
    }

    pub(super) fn expand(&self, text: &str) -> Result<String, Vec<String>> {
        environment::expand(text, self.environment)
    }

    /// A variable of the environment, for a key that falls back to one.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name)
    }

    /// Where a range of bytes begins.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        let Some(file) = self.file else { return Place::Nowhere };
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place::Line {
            file: file.to_owned(),
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }
}

impl Known {
    fn show(&self) -> String {
        match self.kind {
            Kind::Value => self.key.clone(),
            Kind::Table => format!("[{}]", self.key),
        }
    }
}

impl Findings {
    fn explain(&self, unknown: &Unknown) -> ConfigError {
        let path = join(&unknown.table, &unknown.key);
        let here = self.known.get(&unknown.table).map(Vec::as_slice).unwrap_or_default();
        let names = here.iter().map(|known| known.key.as_str());
        let hint = if let Some(name) = nearest(&unknown.key, names.clone()) {
            format!("did you mean `{name}`?")
        } else if let Some(table) = self.elsewhere(unknown) {
            match table.as_str() {
                "" => format!("`{}` belongs to the top of the file, above the first [table]", unknown.key),
                table => format!("did you mean `{}`?", join(table, &unknown.key)),
            }
        } else {
            format!("known here: {}", here.iter().map(Known::show).collect::<Vec<_>>().join(", "))
        };
        ConfigError { place: unknown.place.clone(), message: format!("unknown key `{path}`; {hint}") }
    }

    /// The table that has a key of this name.
    fn elsewhere(&self, unknown: &Unknown) -> Option<&String> {
        let has_it = |keys: &[Known]| keys.iter().any(|known| known.key == unknown.key);
        self.known.iter().find(|(_, keys)| has_it(keys)).map(|(table, _)| table)
    }
}

/// The name most like `given`, if one is like it at all.
pub(super) fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_ascii_lowercase().replace('_', "-");
    let alike = |name: &str| strsim::normalized_damerau_levenshtein(&given, name);
    let (likeness, name) = names.map(|name| (alike(name), name)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness >= ALIKE).then_some(name)
}

pub(super) fn join(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> String {
        let document = Document::new(Some(Path::new("x.toml")), text, &|_| None);
        let mut top = document.root();
        top.take("threshold");
        top.take("state-dir");
        let mut admin = top.table("admin");
        admin.take("listen");
        admin.finish();
        top.finish();
        document.finish(()).map_err(|errors| errors.to_string()).unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_answered_with_its_nearest_neighbour() {
        let text = errors("tresholds = 3\nstate_dir = 4\n[admin]\n  Listen = 5\n[amdin]\n");
        assert!(text.contains("4 errors"), "{text}");
        assert!(text.contains("x.toml:1:1: unknown key `tresholds`; did you mean `threshold`?"), "{text}");
        assert!(text.contains("x.toml:2:1: unknown key `state_dir`; did you mean `state-dir`?"), "{text}");
        assert!(text.contains("x.toml:4:3: unknown key `admin.Listen`; did you mean `listen`?"), "{text}");
        assert!(text.contains("x.toml:5:2: unknown key `amdin`; did you mean `admin`?"), "{text}");
    }

    #[test]
    fn a_key_in_the_wrong_table_is_told_the_right_one() {
        assert!(errors("listen = 1").contains("did you mean `admin.listen`?"));
        assert!(errors("[admin]\nstate-dir = 1").contains("`state-dir` belongs to the top of the file"));
        assert!(errors("zzz = 1").contains("known here: threshold, state-dir, [admin]"));
    }

    #[test]
    fn what_is_not_toml_is_told_with_its_place() {
        let text = errors("threshold = 1\nstate-dir = \n");
        assert!(text.contains("x.toml:2:"), "{text}");
        assert!(text.contains("not TOML"), "{text}");
    }

    #[test]
    fn a_duplicate_does_not_hide_other_errors() {
        let text = errors("threshold = 1\nthreshold = 2\nzzz = 3\n");
        assert!(text.contains("2 errors"), "{text}");
        assert!(text.contains("x.toml:2:1: duplicate key"), "{text}");
        assert!(text.contains("x.toml:3:1: unknown key `zzz`"), "{text}");
    }

    #[test]
    fn columns_count_characters() {
        let document = Document::new(Some(Path::new("x.toml")), "ä = \"öö\" # x", &|_| None);
        let at = document.text.find('#').unwrap();
        assert_eq!(document.place(at..at + 1), Place::Line { file: "x.toml".into(), line: 1, column: 10 });
    }
}
