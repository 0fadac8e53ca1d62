//! What a file is, told from its bytes alone, before anything is compiled.

use std::collections::BTreeMap;

const MAGIC: &[u8] = b"\0asm";
const CORE: [u8; 4] = [1, 0, 0, 0];
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];

/// Section ids, of both binary formats.
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const NESTED_COMPONENT: u8 = 4;

/// Components in components in components: deeper ones have no name to tell.
const DEEPEST: usize = 8;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole component.
    Component,
    /// A whole core module.
    CoreModule,
    /// The beginning of either, or nothing yet.
    Incomplete,
    /// Something else.
    Garbage,
}

/// Tells what it is. Looks at the frame of the sections only, not at what is in them.
pub fn kind(bytes: &[u8]) -> Kind {
    if !bytes.starts_with(MAGIC) {
        return if MAGIC.starts_with(bytes) { Kind::Incomplete } else { Kind::Garbage };
    }
    let Some(version) = bytes.get(4..8) else { return Kind::Incomplete };
    let kind = match version {
        version if version == CORE => Kind::CoreModule,
        version if version == COMPONENT => Kind::Component,
        _ => return Kind::Garbage,
    };
    let whole = Sections(&bytes[8..]).try_fold((), |(), section| section.map(drop)).is_some();
    if whole { kind } else { Kind::Incomplete }
}

/// Languages and tools that the file says it was made with: name → version.
pub fn made_with(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(bytes, 0, &mut found);
    found
}

/// The language that a plugin was written in, as far as its producers tell: runtimes of scripting languages are themselves
/// written in others, and so come first.
pub fn language(made_with: &BTreeMap<String, String>) -> Option<&'static str> {
    const TELLING: [(&str, &str); 8] = [
        ("componentize-py", "Python"),
        ("componentize-qjs", "JavaScript"),
        ("ComponentizeJS", "JavaScript"),
        ("JavaScript", "JavaScript"),
        ("Go", "Go"),
        ("Rust", "Rust"),
        ("C_plus_plus", "C++"),
        ("C", "C"),
    ];
    // Compilers of C and C++ add the year of the standard: C11, C_plus_plus_17.
    let is = |name: &str, sign: &str| {
        let year = name.strip_prefix(sign).map(|year| year.trim_start_matches('_'));
        year.is_some_and(|year| year.bytes().all(|byte| byte.is_ascii_digit()))
    };
    TELLING.iter().find(|(sign, _)| made_with.keys().any(|name| is(name, sign))).map(|(_, language)| *language)
}

fn collect(bytes: &[u8], depth: usize, found: &mut BTreeMap<String, String>) {
    let Some(version) = bytes.get(4..8) else { return };
    let component = version == COMPONENT;
    for (id, payload) in Sections(bytes.get(8..).unwrap_or_default()).map_while(|section| section) {
        match id {
            CUSTOM => {
                producers(payload, found);
            }
            CORE_MODULE | NESTED_COMPONENT if component && depth < DEEPEST => collect(payload, depth + 1, found),
            _ => {}
        }
    }
}

/// Fields of name → version pairs. None: it is another section, or a broken one.
fn producers(payload: &[u8], found: &mut BTreeMap<String, String>) -> Option<()> {
    let mut rest = payload;
    if text(&mut rest)? != "producers" {
        return None;
    }
    for _ in 0..number(&mut rest)? {
        let field = text(&mut rest)?;
        for _ in 0..number(&mut rest)? {
            let (name, version) = (text(&mut rest)?, text(&mut rest)?);
            if matches!(field, "language" | "processed-by") {
                found.insert(name.to_owned(), version.to_owned());
            }
        }
    }
    Some(())
}

/// Walks sections: id and payload; None once it breaks off.
struct Sections<'a>(&'a [u8]);

impl<'a> Iterator for Sections<'a> {
    type Item = Option<(u8, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&id, mut rest) = self.0.split_first()?;
        let section = take_sized(&mut rest).filter(|payload| id != CUSTOM || !payload.is_empty());
        // After a break nothing can be told.
        self.0 = if section.is_some() { rest } else { &[] };
        Some(section.map(|payload| (id, payload)))
    }
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_sized(rest)?).ok()
}

fn take_sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(rest)? as usize;
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

/// An unsigned LEB128 of 32 bits.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let mut value = 0u64;
    for shift in (0..35).step_by(7) {
        let (&byte, left) = rest.split_first()?;
        *rest = left;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(id: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).ok().filter(|length| *length < 128).expect("a short section");
        [&[id, length][..], payload].concat()
    }

    fn file(version: [u8; 4], sections: &[Vec<u8>]) -> Vec<u8> {
        [MAGIC, &version, &sections.concat()].concat()
    }

    #[test]
    fn the_header_tells_components_from_core_modules_and_garbage() {
        assert_eq!(kind(b"\0asm\x0d\0\x01\0"), Kind::Component);
        assert_eq!(kind(b"\0asm\x01\0\0\0"), Kind::CoreModule);
        assert_eq!(kind(b"\0asm\x02\0\0\0"), Kind::Garbage);
        assert_eq!(kind(b"#!/bin/sh\n"), Kind::Garbage);
        assert_eq!(kind(&[0; 4096]), Kind::Garbage);
    }

    #[test]
    fn every_cut_within_a_section_is_seen() {
        let whole = file(COMPONENT, &[section(7, b"types"), section(CUSTOM, b"\x04name")]);
        assert_eq!(kind(&whole), Kind::Component);
        let seams = [8, 8 + 7];
        for length in (0..whole.len()).filter(|length| !seams.contains(length)) {
            assert_eq!(kind(&whole[..length]), Kind::Incomplete, "{length} bytes");
        }
        let zeros_at_the_end = [&whole[..], &[0; 100]].concat();
        assert_eq!(kind(&zeros_at_the_end), Kind::Incomplete);
    }

    #[test]
    fn the_language_is_that_of_the_author_not_of_the_runtime() {
        let made_with = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), String::new())).collect();
        assert_eq!(language(&made_with(&["Rust", "componentize-qjs", "wit-component"])), Some("JavaScript"));
        assert_eq!(language(&made_with(&["C11", "clang"])), Some("C"));
        assert_eq!(language(&made_with(&["C_plus_plus_17", "Go"])), Some("Go"));
        assert_eq!(language(&made_with(&["C_plus_plus_17"])), Some("C++"));
        assert_eq!(language(&made_with(&["Clang"])), None);
    }

    #[test]
    fn languages_are_found_in_nested_modules() {
        let core = file(CORE, &[section(CUSTOM, b"\x09producers\x01\x08language\x01\x04Rust\x042021")]);
        let component = file(COMPONENT, &[section(CORE_MODULE, &core)]);
        assert_eq!(made_with(&component), BTreeMap::from([("Rust".to_owned(), "2021".to_owned())]));
        assert!(made_with(&component[..component.len() - 1]).is_empty());
    }
}
