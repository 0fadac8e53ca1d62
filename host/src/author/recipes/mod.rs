//! The languages, a file each.

mod c;
mod go;
mod javascript;
mod python;
mod rust;
mod typescript;

use super::recipe::Recipe;

/// All of them, in the order in which they are named. Where one project file belongs to two (JavaScript and TypeScript both
/// have a `package.json`), the one whose file is rarer comes first.
pub static ALL: &[&Recipe] =
    &[&rust::RECIPE, &go::RECIPE, &typescript::RECIPE, &javascript::RECIPE, &python::RECIPE, &c::RECIPE];

/// The one that `--lang` names.
pub fn of(language: &str) -> Option<&'static Recipe> {
    ALL.iter().copied().find(|recipe| recipe.language == language)
}
