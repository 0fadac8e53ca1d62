//! Files of the repository that the binary carries, so that a project can be made without fetching anything of Wasmill's:
//! `build.rs` collects them.

/// Path from the root of the repository, and content; in the order of paths.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// All files of a folder, by their paths within it; or the one file of that path, under its own name.
pub(super) fn under(path: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(file, content)| {
        let rest = file.strip_prefix(path)?;
        match rest.strip_prefix('/') {
            Some(within) => Some((within, *content)),
            None if rest.is_empty() => Some((file.rsplit('/').next().unwrap_or(file), *content)),
            None => None,
        }
    })
}

/// A file that is text.
pub(super) fn text(path: &str) -> anyhow::Result<&'static str> {
    let found = FILES.iter().find(|(file, _)| *file == path);
    let (_, content) = found.ok_or_else(|| anyhow::anyhow!("the binary carries no {path}; this is a bug"))?;
    Ok(std::str::from_utf8(content)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_single_files_are_found() {
        assert!(under("wit").any(|(path, content)| path == "plugin.wit" && !content.is_empty()));
        assert_eq!(under("sdk/rust/Cargo.toml").map(|(path, _)| path).collect::<Vec<_>>(), ["Cargo.toml"]);
        assert_eq!(under("sdk/rus").count(), 0, "half a name is no folder");
        assert!(text("Cargo.toml").unwrap().contains("[workspace.package]"));
    }
}
