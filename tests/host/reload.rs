//! A plugin's file comes, changes, breaks, is repaired and goes, while events flow.

use crate::load::{Load, account};
use crate::stage::Stage;
use serde_json::Value;
use std::fs;
use wasmill_tests::{Host, LONG, another_build, module_bytes, turn, wait_until};

const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn reloads(host: &Host, outcome: &str) -> f64 {
    host.metric(&format!("wasmill_reloads_total{{plugin=\"p\",outcome=\"{outcome}\"}}")).unwrap_or(0.0)
}

/// The plugin goes on handling events.
fn wait_for_events(host: &Host) {
    let events = || host.plugin("p").expect("the plugin")["events"].as_u64().expect("a count");
    let before = events();
    wait_until("more events", LONG, || events() > before);
}

/// Does something that the host answers with one more of `outcome`.
fn reload(host: &Host, outcome: &str, change: impl FnOnce()) {
    let before = reloads(host, outcome);
    change();
    wait_until(&format!("one more {outcome}"), LONG, || reloads(host, outcome) > before);
    wait_for_events(host);
}

/// Does something that is refused with this code; status, metric and log say so, and the module before goes on.
fn refused(host: &Host, code: &str, message: &str, change: impl FnOnce()) {
    let running = host.plugin("p").expect("the plugin")["sha256"].clone();
    let counter = format!("wasmill_modules_refused_total{{plugin=\"p\",code=\"{code}\"}}");
    let before = host.metric(&counter).unwrap_or(0.0);
    let errors = || host.log().matches("ERROR p refused: ").count();
    let told = errors();
    reload(host, "refused", change);
    let plugin = host.plugin("p").expect("the plugin");
    assert_eq!(plugin["refused"]["code"], code, "{plugin}");
    let said = plugin["refused"]["message"].as_str().expect("a message");
    assert!(said.contains(message), "{said:?} does not say {message:?}");
    assert_eq!((&plugin["state"], &plugin["sha256"]), (&Value::from("running"), &running));
    assert_eq!(host.metric(&counter), Some(before + 1.0));
    // A configuration's errors are a line each.
    host.wait_for_line(&[message]);
    host.wait_for_line(&["goes on", &format!("code={code}")]);
    assert_eq!(errors(), told + 1, "{}", host.log());
}

#[test]
fn nothing_is_lost_doubled_or_reordered_while_a_plugin_comes_changes_breaks_and_goes() {
    let _turn = turn();
    let stage = Stage::new("reload", 4);
    let chaos = module_bytes("chaos");
    let settings = |settings: &str| stage.toml("", &format!("[settings]\n{settings}"));
    let host = stage.setup().start();
    let load = Load::start(&stage.input);
    let drop_config = |toml: &str| host.drop_file("p.toml", toml.as_bytes());
    let drop_module = |bytes: &[u8]| host.drop_file("p.wasm", bytes);

    drop_config(&settings("tag = '1'"));
    drop_module(&chaos);
    host.wait_for_tasks("p", 4);
    wait_for_events(&host);

    reload(&host, "swapped", || drop_config(&settings("tag = '2'")));
    reload(&host, "swapped", || drop_module(&another_build(&chaos, "second")));

    let half = &chaos[..chaos.len() / 2];
    refused(&host, "incomplete", "the file is not WebAssembly", || drop_module(b"garbage"));
    refused(&host, "incomplete", "breaks off after", || drop_module(half));
    refused(&host, "incomplete", "the file is empty", || drop_module(b""));
    refused(&host, "not-a-component", "build it with the SDK of its language", || drop_module(CORE_MODULE));
    refused(&host, "wrong-world", "it exports greet", || drop_module(&module_bytes("alien")));
    refused(&host, "forbidden-import", "other:thing/magic", || drop_module(&module_bytes("needy")));
    reload(&host, "swapped", || drop_module(&another_build(&chaos, "third")));
    assert_eq!(host.plugin("p").expect("the plugin")["refused"], Value::Null);

    refused(&host, "settings", "no such luck", || drop_config(&settings("fail_configure = 'no such luck'")));
    refused(&host, "configuration", "max-batsh", || drop_config(&stage.toml("max-batsh = 3", "")));
    refused(&host, "configure", "its configure failed", || drop_config(&settings("hang_configure = true")));
    reload(&host, "swapped", || drop_config(&settings("tag = '3'")));
    reload(&host, "restarted", || drop_config(&stage.toml("workers = 2", "[settings]\ntag = '4'")));

    host.remove("p.wasm");
    wait_until("the plugin to be gone", LONG, || host.plugin("p").is_none());
    host.wait_for_line(&["stopped: its file was removed"]);
    drop_module(&chaos);
    host.wait_for_tasks("p", 4);

    let written = load.stop();
    stage.wait_until_done("p");
    let account = account(written, &stage.kafka.read_all(&stage.output), &stage.dead_letters("p"));
    assert_eq!(account.duplicates, 0, "a swap, a stop and a start between commits repeat nothing");
    assert_eq!(account.tags.keys().map(String::as_str).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
}

#[test]
fn a_file_that_is_written_slowly_is_waited_for_and_one_that_stays_broken_is_refused() {
    let stage = Stage::new("written", 1);
    let host = stage.setup().start();
    let chaos = module_bytes("chaos");
    let (half, _) = chaos.split_at(chaos.len() / 2);
    for name in ["slow", "broken", "text"] {
        host.drop_file(&format!("{name}.toml"), stage.toml("on-failure = 'skip'", "").as_bytes());
    }
    let slow = host.folder().join("plugins/slow.wasm");

    fs::write(&slow, half).expect("half a file");
    host.drop_file("broken.wasm", half);
    host.drop_file("text.wasm", b"neither fish nor fowl");
    for name in ["slow", "broken", "text"] {
        host.wait_for_line(&[&format!("INFO {name} not taken yet")]);
    }
    assert_eq!(host.plugin("broken").expect("the plugin")["refused"], Value::Null);
    fs::write(&slow, &chaos).expect("a file");

    host.wait_for_plugin("slow", "to run", |plugin| plugin["state"] == "running");
    for (name, message) in [("broken", "breaks off after"), ("text", "the file is not WebAssembly")] {
        host.wait_for_line(&[&format!("ERROR {name} refused"), message]);
        let plugin = host.plugin(name).expect("the plugin");
        assert_eq!((&plugin["state"], &plugin["refused"]["code"]), (&"refused".into(), &"incomplete".into()));
        let counter = format!("wasmill_modules_refused_total{{plugin=\"{name}\",code=\"incomplete\"}}");
        assert_eq!(host.metric(&counter), Some(1.0));
    }
    let log = host.log();
    assert!(!log.contains("ERROR slow"), "{log}");
    assert_eq!(host.metric("wasmill_modules_refused_total{plugin=\"slow\",code=\"incomplete\"}"), None);
    assert_eq!(host.metric("wasmill_reloads_total{plugin=\"slow\",outcome=\"refused\"}").unwrap_or(0.0), 0.0);
}
