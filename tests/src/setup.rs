//! What a host starts with.

use crate::{Host, Kafka};
use std::fmt::Write;

/// A host that is not running yet: `Setup::new(&kafka, "shop").module("fraud", "fraud").start()`.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(crate) application: String,
    pub(crate) brokers: String,
    pub(crate) admin: String,
    pub(crate) advertised: bool,
    pub(crate) top: String,
    pub(crate) more: String,
    /// File name in the plugins folder, and content.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Setup {
    /// A host of this application (take [`crate::unique`] for one of its own; hosts of one application share its work).
    pub fn new(kafka: &Kafka, application: &str) -> Self {
        Setup {
            application: application.to_owned(),
            brokers: kafka.brokers().to_owned(),
            admin: String::new(),
            advertised: false,
            top: String::new(),
            more: String::new(),
            files: Vec::new(),
        }
    }

    /// On other brokers, such as `embedded`.
    pub fn brokers(mut self, brokers: &str) -> Self {
        self.brokers = brokers.to_owned();
        self
    }

    /// With its address in `admin.advertise`.
    pub fn advertised(mut self) -> Self {
        self.advertised = true;
        self
    }

    /// More lines of `[admin]`.
    pub fn admin(mut self, lines: &str) -> Self {
        self.admin += lines;
        self.admin += "\n";
        self
    }

    /// More lines at the top of `wasmill.toml`.
    pub fn top(mut self, lines: &str) -> Self {
        self.top += lines;
        self.top += "\n";
        self
    }

    /// More tables of `wasmill.toml`, as text.
    pub fn config(mut self, tables: &str) -> Self {
        self.more += tables;
        self.more += "\n";
        self
    }

    /// With a plugin `name`: the compiled plugin or fixture `module`.
    pub fn module(self, name: &str, module: &str) -> Self {
        self.file(&format!("{name}.wasm"), crate::module_bytes(module))
    }

    /// With `plugins/NAME.toml`.
    pub fn plugin_config(self, name: &str, toml: &str) -> Self {
        self.file(&format!("{name}.toml"), toml)
    }

    /// With any file in the plugins folder.
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// Starts it, and waits until it is ready.
    pub fn start(self) -> Host {
        let mut host = self.prepare();
        host.start();
        host.wait_until_ready();
        host
    }

    /// Starts it, and waits only until it answers: a host that has nothing but refused plugins does not become ready.
    pub fn start_unready(self) -> Host {
        let mut host = self.prepare();
        host.start();
        host.wait_until_it_answers();
        host
    }

    /// Writes its files without starting it, for a test whose host shall not become ready.
    pub fn prepare(self) -> Host {
        Host::new(self)
    }

    pub(crate) fn toml(&self, admin: std::net::SocketAddr) -> String {
        let Setup { application, brokers, admin: more_admin, top, more, .. } = self;
        let mut toml = String::new();
        let advertise = if self.advertised { format!("advertise = \"{admin}\"\n") } else { String::new() };
        // Writing to a String cannot fail. Debug writes a text as TOML does, as long as it is plain.
        let _ = write!(
            toml,
            "application = {application:?}\nstate-dir = \"state\"\n{top}\n[kafka]\nbrokers = {brokers:?}\n\n\
             [plugins]\ndir = \"plugins\"\n\n[admin]\nlisten = \"{admin}\"\n{advertise}{more_admin}\n{more}"
        );
        toml
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_becomes_a_configuration() {
        let setup = Setup {
            application: "shop".into(),
            brokers: "embedded".into(),
            admin: String::new(),
            advertised: false,
            top: String::new(),
            more: String::new(),
            files: Vec::new(),
        };

        let toml = setup
            .admin("token = \"secret\"")
            .config("[topics]\npartitions = 4")
            .toml("127.0.0.1:8080".parse().unwrap());

        assert_eq!(
            toml,
            "application = \"shop\"\nstate-dir = \"state\"\n\n[kafka]\nbrokers = \"embedded\"\n\n\
             [plugins]\ndir = \"plugins\"\n\n[admin]\nlisten = \"127.0.0.1:8080\"\ntoken = \"secret\"\n\n\
             [topics]\npartitions = 4\n"
        );
    }
}
