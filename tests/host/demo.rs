//! What a newcomer sees first: every shipped plugin at work in a shop, without a Kafka.

use std::collections::BTreeMap;
use std::fs;
use wasmill_tests::{module, turn, wasmill};

/// What `cargo xtask demo` puts beside the modules.
const WIRING: [(&str, &str); 2] = [
    ("rekey.toml", include_str!("../../xtask/demo/rekey.toml")),
    ("inventory.toml", include_str!("../../xtask/demo/inventory.toml")),
];

/// Names of the folders under `plugins/`.
fn shipped() -> Vec<String> {
    let folders = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins")).expect("the plugins");
    let folders = folders.map(|entry| entry.expect("a folder").path()).filter(|path| path.join("Cargo.toml").exists());
    folders.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

#[test]
fn the_demo_has_every_plugin_at_work_and_few_dead_letters_and_ends_by_itself() {
    let _turn = turn();
    let folder = tempfile::TempDir::with_prefix("wasmill-demo-").expect("a folder");
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins).expect("a plugins folder");
    let shipped = shipped();
    for name in &shipped {
        fs::copy(module(name), plugins.join(format!("{name}.wasm"))).expect("a module");
    }
    for (name, content) in WIRING {
        fs::write(plugins.join(name), content).expect("a configuration");
    }
    let mut command = wasmill();
    command.args(["demo", "--seconds", "8", "--listen", "127.0.0.1:0", "--plugins", "plugins"]);
    let output = command.current_dir(folder.path()).output().expect("it runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert_eq!(err.matches("delivers at least once").count(), 1, "it says so once: {err}");

    // `name state version events events/s outputs dead-letters …`
    let rows = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let rows: BTreeMap<&str, Vec<&str>> = rows.filter(|row| row.len() == 9).map(|row| (row[0], row)).collect();
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|error| panic!("{text}: {error}\n{out}"));
    for name in &shipped {
        let row = rows.get(name.as_str()).unwrap_or_else(|| panic!("no row of {name}: {out}"));
        let (events, outputs, dead_letters) = (number(row[3]), number(row[5]), number(row[6]));
        assert!(row[1] == "running" && events > 0 && outputs > 0, "{name}: {out}");
        assert!(dead_letters <= events / 100, "{name}: {dead_letters} of {events} events failed\n{out}\n{err}");
    }
}
