//! Why a file does not become a module.

use super::component::ComponentError;
use crate::event::Reason;
use std::path::PathBuf;

/// Why a file was refused. The plugin's old module, if there is one, goes on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is probably still being written: no reason for an alarm, wait for the next change.
    #[error("{what}. If it is still being written, its next change is looked at by itself; otherwise build it again")]
    Incomplete {
        /// What is there so far.
        what: String,
    },
    /// A core module, which does not become a component.
    #[error("this is a core WebAssembly module, and no component can be made of it: {0}")]
    NotAComponent(#[from] ComponentError),
    /// It does not compile.
    #[error("it does not compile: {0}")]
    Compile(String),
    /// It imports what no plugin gets.
    #[error(
        "it imports {}, which no plugin gets: only wasmill:plugin@0.1 and WASI 0.2 (cli, clocks, filesystem, io, random, \
         sockets; all of them empty) are there. Leave out what needs it", .0.join(", ")
    )]
    ForbiddenImport(Vec<String>),
    /// It imports a function that is granted by name, but in another shape.
    #[error(
        "an import of it has another shape than this host's: {0}. Build it against the wit/ folder of this version"
    )]
    ImportMismatch(String),
    /// It exports neither world's interfaces.
    #[error("{0}")]
    WrongWorld(String),
    /// It has async functions.
    #[error(
        "it has async functions, and a plugin's handlers are called synchronously: build it without async (componentize-qjs: \
         --sync). {0}"
    )]
    AsyncExport(String),
    /// It broke before it could be asked anything.
    #[error("it does not start: {0}")]
    Start(Reason),
    /// `describe` broke.
    #[error("its describe failed: {0}")]
    Describe(Reason),
    /// `configure` broke.
    #[error("its configure failed: {0}")]
    Configure(Reason),
    /// `configure` refused the settings.
    #[error("it refuses its settings: {0}. Correct [settings]")]
    Settings(String),
    /// The wiring makes no sense, or not with this configuration.
    #[error("its wiring is refused: {}", .0.join("; "))]
    Wiring(Vec<String>),
    /// The host itself could not go on.
    #[error("the host could not try it out: {0}")]
    Host(String),
}

impl LoadError {
    /// Short and stable, for metrics.
    pub fn code(&self) -> &'static str {
        match self {
            LoadError::Unreadable { .. } => "unreadable",
            LoadError::Incomplete { .. } => "incomplete",
            LoadError::NotAComponent(_) => "not-a-component",
            LoadError::Compile(_) => "compile",
            LoadError::ForbiddenImport(_) => "forbidden-import",
            LoadError::ImportMismatch(_) => "import-mismatch",
            LoadError::WrongWorld(_) => "wrong-world",
            LoadError::AsyncExport(_) => "async-export",
            LoadError::Start(_) => "start",
            LoadError::Describe(_) => "describe",
            LoadError::Configure(_) => "configure",
            LoadError::Settings(_) => "settings",
            LoadError::Wiring(_) => "wiring",
            LoadError::Host(_) => "host",
        }
    }

    /// Whether it is worth to wait for the file's next change without an alarm.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, LoadError::Incomplete { .. } | LoadError::Unreadable { .. })
    }
}
