//! What must be on the author's machine, and how it comes there.

use std::path::Path;
use std::process::{Command, Stdio};

/// A program, or a part of one, that a language's build needs.
pub struct Tool {
    /// As a person calls it.
    pub name: &'static str,
    /// A command that tells whether it is there.
    pub probe: &'static [&'static str],
    /// How it tells.
    pub finds: Finds,
    /// The one command that installs it.
    pub install: &'static str,
}

/// What a probe answers if all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finds {
    /// A version, of at least this.
    Version(u32, u32),
    /// A folder that exists.
    Folder,
    /// Anything.
    Success,
}

impl Tool {
    /// None if it is there; otherwise what is wrong with it.
    pub fn missing(&self, dir: &Path) -> Option<String> {
        let (program, args) = self.probe.split_first()?;
        let answer = Command::new(program).args(args).current_dir(dir).stdin(Stdio::null()).output();
        let answer = match answer {
            Ok(answer) if answer.status.success() => answer,
            _ => return Some(format!("{} is missing", self.name)),
        };
        // Python 2 and Java write their versions to the other one.
        let said = [&answer.stdout[..], &answer.stderr[..]].map(String::from_utf8_lossy).concat();
        match self.finds {
            Finds::Success => None,
            Finds::Folder => (!Path::new(said.trim()).is_dir()).then(|| format!("{} is missing", self.name)),
            Finds::Version(major, minor) => match version(&said) {
                Some(found) if found >= (major, minor) => None,
                Some(found) => {
                    Some(format!("{} is {}.{}, and {major}.{minor} or newer is needed", self.name, found.0, found.1))
                }
                None => Some(format!("{} tells no version ({:?})", self.name, said.trim())),
            },
        }
    }
}

/// The first `1.2` in a text: `go version go1.26.8 linux/amd64`.
fn version(text: &str) -> Option<(u32, u32)> {
    text.split(|letter: char| !letter.is_ascii_digit() && letter != '.').find_map(|word| {
        let mut parts = word.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: Tool = Tool { name: "echo", probe: &["echo", "v1.9"], finds: Finds::Success, install: "install echo" };

    #[test]
    fn a_version_is_found_in_what_programs_say() {
        assert_eq!(version("go version go1.26.8 linux/amd64"), Some((1, 26)));
        assert_eq!(version("cargo 1.91.0 (abc 2025-01-02)"), Some((1, 91)));
        assert_eq!(version("v22.11.0\n"), Some((22, 11)));
        assert_eq!(version("command not found"), None);
    }

    #[test]
    fn what_is_wrong_with_a_tool_is_told() {
        let here = Path::new(".");
        assert_eq!(ECHO.missing(here), None);
        assert_eq!(Tool { finds: Finds::Version(1, 9), ..ECHO }.missing(here), None);
        let old = Tool { finds: Finds::Version(2, 0), ..ECHO }.missing(here).unwrap();
        assert_eq!(old, "echo is 1.9, and 2.0 or newer is needed");
        assert_eq!(Tool { finds: Finds::Folder, ..ECHO }.missing(here).unwrap(), "echo is missing");
        let nobody = Tool { probe: &["there-is-no-such-program"], ..ECHO };
        assert_eq!(nobody.missing(here).unwrap(), "echo is missing");
    }
}
