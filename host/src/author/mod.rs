//! Projects of plugin authors, in any language: what `wasmill new` writes, what `wasmill build` runs. A language is a
//! [`Recipe`], data and one function, in a file of its own under `recipes/`; everything else here is the same for all.

mod carried;
mod command;
mod installed;
mod project;
mod recipe;
pub mod recipes;
mod sources;
mod tools;

pub use project::{Project, SdkChange, Template};
pub use recipe::Recipe;
pub use sources::Sources;
pub use tools::{Finds, Tool};
