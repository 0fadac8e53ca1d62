//! Real modules through the loader and the instances. `cargo xtask test` builds them and says where they are in
//! `WASMILL_TEST_MODULES`.

#[path = "modules/state.rs"]
mod state;

use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use wasmill::cli::check::{self, CheckArgs};
use wasmill::cli::test::{self, TestArgs};
use wasmill::config::PluginConfig;
use wasmill::event::Failure;
use wasmill::plugin::guest::{Guest, Outcome, Spawn};
use wasmill::plugin::{AotCache, Engine, LoadError, Loader, Module, World};
use wasmill_contract::{Batch, Field, HeaderRef, Limits};

/// Where the built module of a fixture is.
fn file(fixture: &str) -> PathBuf {
    let folder = std::env::var_os("WASMILL_TEST_MODULES").expect(
        "WASMILL_TEST_MODULES must name the folder of the built fixtures; `cargo xtask test` builds them and sets it",
    );
    let file = Path::new(&folder).join(format!("{fixture}.wasm"));
    assert!(file.exists(), "{} is missing: `cargo xtask test` builds the fixtures", file.display());
    file
}

/// All tests share one, and so each fixture is compiled once.
static SHARED: LazyLock<Loader> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap().keep();
    let cache = AotCache::open(&folder.join("cache"), &folder.join("plugins")).unwrap();
    Loader::new(Engine::new().unwrap(), Some(cache)).with_start_deadline(Duration::from_secs(2))
});

/// Compiling a fixture twice at once would only take longer.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn load(fixture: &str, config: &PluginConfig) -> Result<Arc<Module>, LoadError> {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|broken| broken.into_inner());
    SHARED.load(fixture, &file(fixture), config)
}

fn config() -> PluginConfig {
    let mut config = PluginConfig::default();
    config.limits.deadline = Some(Duration::from_millis(300));
    config
}

fn settings(json: serde_json::Value) -> PluginConfig {
    PluginConfig { settings: json.as_object().unwrap().clone(), ..config() }
}

fn batch(values: &[&str]) -> Batch {
    let mut batch = Batch::default();
    (batch.topic, batch.partition, batch.now, batch.stream_time) = ("in".into(), 3, 1000, -1);
    for (offset, value) in values.iter().enumerate() {
        let headers: [HeaderRef; 2] = [(b"\xff", Some(b"v")), (b"null", None)];
        batch.push(offset as u64, 100 + offset as i64, Some(b"key"), Some(value.as_bytes()), headers.into_iter());
    }
    batch
}

fn spawn(fixture: &str, config: &PluginConfig) -> (Arc<Module>, Box<dyn Guest>) {
    let module = load(fixture, config).unwrap();
    let guest = module.spawn().unwrap();
    (module, guest)
}

fn run(fixture: &str, values: &[&str]) -> Outcome {
    spawn(fixture, &config()).1.process(&mut batch(values), &mut None)
}

/// Runs one event that breaks the instance: code, message and detail of the reason.
fn broken_by(fixture: &str, value: &str) -> (String, String, String) {
    let reason = run(fixture, &[value]).broke.expect("the instance should break").reason;
    (reason.code, reason.message, reason.detail.unwrap_or_default())
}

#[test]
fn both_worlds_forward_events_byte_for_byte() {
    for (fixture, world) in [("chaos", World::Batch), ("event", World::Event)] {
        let (module, mut guest) = spawn(fixture, &config());
        assert_eq!(module.world, world);
        let mut events = batch(&["a", "", "c"]);
        let before = events.clone();
        let outcome = guest.process(&mut events, &mut None);
        assert_eq!(events, before, "{fixture}: the batch is the same afterwards");
        assert_eq!(outcome.broke, None);
        let effects = outcome.answer.effects();
        assert_eq!(effects.check(&events, &module.scope(), &Limits::default(), Failure::kind), Ok(vec![]));
        let outputs: Vec<_> = effects.outputs().collect();
        assert_eq!(outputs.len(), 3);
        for (index, output) in outputs.into_iter().enumerate() {
            let event = events.event(index);
            assert_eq!((output.source, output.sink), (index, 0));
            assert_eq!(output.key.resolve(event.key), event.key);
            assert_eq!(output.value.resolve(event.value), event.value);
            assert_eq!(output.timestamp.unwrap_or(event.timestamp), event.timestamp);
            let headers: Vec<_> = output.headers.unwrap_or(event.headers.clone()).collect();
            assert_eq!(headers, event.headers.collect::<Vec<_>>(), "{fixture}");
        }
    }
}

#[test]
fn a_panics_message_is_the_reason() {
    for fixture in ["chaos", "event"] {
        let (code, message, detail) = broken_by(fixture, "!panic");
        assert_eq!(code, "trap");
        assert!(message.contains("told to panic") && message.contains("lib.rs:"), "{fixture}: {message}");
        assert!(message.contains("unreachable"), "{fixture}: {message}");
        assert!(detail.contains("wasm backtrace") || detail.contains("error while executing"), "{detail}");
    }
}

#[test]
fn a_loop_misses_its_deadline() {
    for fixture in ["chaos", "event"] {
        let start = Instant::now();
        let (code, message, _) = broken_by(fixture, "!loop");
        assert_eq!(code, "deadline");
        assert!(message.contains("longer than its deadline of 300ms"), "{message}");
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn a_sleep_is_refused_and_not_waited_for() {
    let (_, mut guest) = spawn("chaos", &config());
    let start = Instant::now();
    let reason = guest.process(&mut batch(&["!sleep"]), &mut None).broke.unwrap().reason;
    assert_eq!(reason.code, "deadline");
    assert!(reason.message.starts_with("it sleeps: it asked to wait for 3600s"), "{reason}");
    assert!(start.elapsed() < Duration::from_secs(30), "an hour was asked for");
}

#[test]
fn a_memory_hog_is_stopped_at_its_limit() {
    let (code, message, _) = broken_by("chaos", "!hog");
    assert_eq!(code, "memory");
    assert!(message.contains("limits.memory is 64 MiB"), "{message}");
}

#[test]
fn a_stack_without_end_and_an_exit_are_traps() {
    let (code, message, _) = broken_by("chaos", "!stack");
    assert_eq!(code, "trap");
    assert!(message.contains("call stack exhausted") || message.contains("out of bounds"), "{message}");
    let (code, message, _) = broken_by("chaos", "!exit");
    assert_eq!(code, "trap");
    assert!(message.contains("it called exit with status"), "{message}");
}

#[test]
fn a_fresh_instance_works_after_one_broke() {
    let (module, mut guest) = spawn("chaos", &config());
    assert!(guest.process(&mut batch(&["!panic"]), &mut None).broke.is_some());
    let outcome = module.spawn().unwrap().process(&mut batch(&["fine"]), &mut None);
    assert_eq!((outcome.broke, outcome.answer.done), (None, 1));
}

#[test]
fn the_event_world_knows_its_culprit_and_the_batch_world_does_not() {
    let outcome = run("event", &["a", "!reject odd", "!panic", "d"]);
    assert!(outcome.broke.unwrap().culprit_known);
    assert_eq!((outcome.answer.done, outcome.answer.sources), (2, vec![0]));
    assert_eq!(outcome.answer.failures[0].1.reason().code, "odd");
    let outcome = run("chaos", &["a", "!panic", "c"]);
    assert!(!outcome.broke.unwrap().culprit_known);
    assert_eq!((outcome.answer.done, outcome.answer.sources.len()), (0, 0));
}

#[test]
fn retry_and_stop_end_the_run_in_both_worlds() {
    for fixture in ["chaos", "event"] {
        for command in ["!retry 1", "!stop"] {
            let (module, mut guest) = spawn(fixture, &config());
            let mut events = batch(&["a", command, "c"]);
            let answer = guest.process(&mut events, &mut None).answer;
            assert_eq!((answer.done, answer.failures.len()), (2, 1), "{fixture} {command}");
            let checked = answer.effects().check(&events, &module.scope(), &Limits::default(), Failure::kind);
            assert_eq!(checked, Ok(vec![]));
        }
    }
}

#[test]
fn a_store_that_is_not_declared_is_not_there() {
    let answer = run("event", &["!state"]).answer;
    let message = &answer.failures[0].1.reason().message;
    assert!(message.contains("NoSuchStore"), "{message}");
}

#[test]
fn an_answer_without_bound_is_not_taken() {
    let mut config = config();
    config.limits.output_bytes = 1 << 20;
    config.limits.memory = 8 << 20;
    let (_, mut guest) = spawn("chaos", &config);
    let broke = guest.process(&mut batch(&["!big 100000000"]), &mut None).broke.unwrap();
    assert_eq!(broke.reason.code, "memory");
    assert!(guest.memory_bytes() <= 8 << 20);
}

#[test]
fn outputs_have_the_bytes_that_the_plugin_gave_them() {
    let outcome = run("chaos", &["!flood 3"]);
    let values: Vec<_> = outcome.answer.effects().outputs().map(|output| output.value).collect();
    assert_eq!(values, [Field::Bytes(b"0"), Field::Bytes(b"1"), Field::Bytes(b"2")]);
}

#[test]
fn prints_and_logs_beyond_the_limit_are_dropped_and_counted() {
    let module = load("chaos", &config()).unwrap();
    let dropped = Arc::new(Mutex::new(0));
    let count = dropped.clone();
    module.count_dropped_lines(move |lines| *count.lock().unwrap() += lines);
    let mut guest = module.spawn().unwrap();
    let outcome = guest.process(&mut batch(&["!print 1000"]), &mut None);
    assert_eq!(outcome.broke, None);
    // A second may begin anew while it prints.
    assert!((500..=900).contains(&*dropped.lock().unwrap()), "{:?}", dropped.lock());
}

#[test]
fn a_forbidden_import_is_refused_by_name() {
    let error = load("needy", &config()).unwrap_err();
    assert_eq!(error.code(), "forbidden-import");
    assert!(error.to_string().contains("other:thing/magic"), "{error}");
}

#[test]
fn a_component_of_another_world_is_refused() {
    let error = load("alien", &config()).unwrap_err();
    assert_eq!(error.code(), "wrong-world");
    assert!(error.to_string().contains("greet") && error.to_string().contains("it is no plugin"), "{error}");
}

#[test]
fn half_a_module_is_incomplete() {
    let whole = std::fs::read(file("chaos")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("half.wasm");
    std::fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    let error = SHARED.load("half", &half, &config()).unwrap_err();
    assert!(error.is_incomplete(), "{error}");
}

#[test]
fn a_configure_that_fails_or_never_returns_is_refused() {
    let error = load("chaos", &settings(serde_json::json!({ "fail_configure": "not today" }))).unwrap_err();
    assert_eq!(error.code(), "settings");
    assert!(error.to_string().contains("not today"), "{error}");

    let mut config = settings(serde_json::json!({ "hang_configure": true }));
    for deadline in [config.limits.deadline, None] {
        config.limits.deadline = deadline;
        let error = load("chaos", &config).unwrap_err();
        assert_eq!(error.code(), "configure");
        assert!(error.to_string().contains("longer than its deadline of 2s"), "{error}");
    }
}

#[test]
fn unknown_settings_and_ports_are_refused_by_name() {
    let error = load("chaos", &settings(serde_json::json!({ "tga": "x" }))).unwrap_err();
    assert!(error.to_string().contains("tga"), "{error}");
    let mut config = config();
    config.sinks.insert("outt".into(), "x".into());
    let error = load("chaos", &config).unwrap_err();
    assert_eq!(error.code(), "wiring");
    assert!(error.to_string().contains(r#"nearest one is "out""#), "{error}");
}

#[test]
fn without_a_deadline_the_module_is_compiled_without_checks_and_works() {
    let mut config = config();
    config.limits.deadline = None;
    let (_, mut guest) = spawn("chaos", &config);
    assert_eq!(guest.process(&mut batch(&["a", "b"]), &mut None).answer.done, 2);
}

#[test]
fn the_second_load_takes_the_machine_code_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let open = || AotCache::open(&folder.path().join("cache"), &folder.path().join("plugins")).unwrap();
    let load =
        |cache| Loader::new(Engine::new().unwrap(), Some(cache)).load("event", &file("event"), &config()).unwrap();
    assert!(!load(open()).from_cache);
    let again = load(open());
    assert!(again.from_cache);
    assert_eq!(again.spawn().unwrap().process(&mut batch(&["a"]), &mut None).answer.done, 1);
}

#[derive(Parser)]
enum Command {
    Check(CheckArgs),
    Test(Box<TestArgs>),
}

/// Runs a command as it is typed, and says whether its exit code is 0.
fn succeeds(words: &[&str]) -> bool {
    let code = match Command::try_parse_from([&["wasmill"], words].concat()).unwrap() {
        Command::Check(args) => check::run(args),
        Command::Test(args) => test::run(*args),
    };
    format!("{:?}", code.unwrap()) == format!("{:?}", ExitCode::SUCCESS)
}

const EVENTS: &str = r#"{"key":"k","value":{"a": 1},"headers":{"h":"1"},"timestamp":5}
{"topic":"in","value":"!panic"}
{"value":"!reject odd"}

{"value":"!retry 1"}
{"value":"!flood 2"}
{"value":"!flood 10001"}
{"value":"!sleep"}
{"value":{"base64":"/w=="},"partition":3}
{"value":"!stop"}
{"value":"never"}
"#;

const OUTPUTS: &str = r#"{"sink":"out","topic":"out","key":"k","value":{"a":1},"headers":{"h":1},"timestamp":5}
{"failure":"trap","code":"trap","source":2}
{"failure":"reject","code":"odd","message":"told to reject","source":3}
{"failure":"retry","code":"told","source":5}
{"sink":"out","key":null,"value":0}
{"sink":"out","key":null,"value":1}
{"failure":"reject","code":"over-limit","source":7}
{"failure":"trap","code":"deadline","source":8}
{"value":{"base64":"/w=="}}
{"failure":"stop","code":"told","source":10}
"#;

#[test]
fn the_test_command_gives_the_same_lines_whatever_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (events, expected, written) = (path("events.jsonl"), path("expected.jsonl"), path("written.jsonl"));
    std::fs::write(&events, EVENTS).unwrap();
    std::fs::write(&expected, OUTPUTS).unwrap();
    let plugin = file("chaos");
    let base = ["test", plugin.to_str().unwrap(), "--input", &events];
    for batch in ["1", "3", "500"] {
        assert!(succeeds(&[&base[..], &["--expect", &expected, "--batch", batch]].concat()), "batches of {batch}");
    }
    assert!(succeeds(&[&base[..], &["--expect", &written, "--update"]].concat()));
    assert_eq!(std::fs::read_to_string(&written).unwrap().lines().count(), OUTPUTS.lines().count());
    std::fs::write(&expected, OUTPUTS.replace("odd", "even")).unwrap();
    assert!(!succeeds(&[&base[..], &["--expect", &expected]].concat()));
}

#[test]
fn the_check_command_tells_by_its_exit_code() {
    let [chaos, event, needy] = ["chaos", "event", "needy"].map(|fixture| file(fixture).to_str().unwrap().to_owned());
    assert!(succeeds(&["check", &chaos, &event]));
    assert!(!succeeds(&["check", &chaos, &needy]));
}
