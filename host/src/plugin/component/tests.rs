use super::*;
use crate::config::PluginConfig;
use crate::plugin::guest::Spawn;
use crate::plugin::{Engine, Loader, World};
use wasmill_contract::Batch;

/// A plugin of the world `event-plugin`, as a language without component tooling would make it. `imports` come first; `body`
/// is what `process` does before it answers that the event gives nothing. The memory from 4096 on is free.
fn plugin(imports: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            {imports}
            (memory (export "memory") 1)
            (global $free (mut i32) (i32.const 8192))
            (data (i32.const 1024) "adapted")
            (data (i32.const 1040) "in")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "wasmill:plugin/lifecycle@0.1.0#describe") (result i32)
                (memory.fill (i32.const 2048) (i32.const 0) (i32.const 64))
                (i32.store (i32.const 2048) (i32.const 1024)) (i32.store (i32.const 2052) (i32.const 7))
                (i32.const 2048))
            ;; ok, one input `in` from the topic `in`
            (func (export "wasmill:plugin/lifecycle@0.1.0#configure") (param i32 i32) (result i32)
                (memory.fill (i32.const 2048) (i32.const 0) (i32.const 64))
                (i32.store (i32.const 2052) (i32.const 2112)) (i32.store (i32.const 2056) (i32.const 1))
                (i32.store (i32.const 2112) (i32.const 1040)) (i32.store (i32.const 2116) (i32.const 2))
                (i32.store (i32.const 2120) (i32.const 1040)) (i32.store (i32.const 2124) (i32.const 2))
                (i32.const 2048))
            (func $process (export "wasmill:plugin/processor@0.1.0#process")
                (param i32 i32 i32 i32 i32 i64 i64 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
                {body}
                (memory.fill (i32.const 2048) (i32.const 0) (i32.const 64))
                (i32.const 2048))
            (func (export "wasmill:plugin/processor@0.1.0#on-timer") (param i32 i32 i64 i32) (result i32) unreachable))"#
    );
    wat::parse_str(text).unwrap()
}

fn process(module: &[u8]) -> crate::plugin::guest::Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adapted.wasm");
    std::fs::write(&file, module).unwrap();
    let module = Loader::new(Engine::new().unwrap(), None).load("adapted", &file, &PluginConfig::default()).unwrap();
    assert_eq!((module.about.name.as_str(), module.world), ("adapted", World::Event));
    let mut batch = Batch::default();
    batch.topic = "in".into();
    batch.push(0, 1, None, Some(b"x"), [].into_iter());
    module.spawn().unwrap().process(&mut batch, &mut None)
}

#[test]
fn a_core_module_in_the_folder_is_a_plugin() {
    let outcome = process(&plugin("", ""));
    assert_eq!((outcome.answer.done, outcome.broke), (1, None));
}

#[test]
fn a_core_module_that_wants_nothing_imports_nothing() {
    let component = componentize(&plugin("", "")).unwrap();
    assert_eq!(crate::plugin::binary::kind(&component), crate::plugin::binary::Kind::Component);
    let text = String::from_utf8_lossy(&component).into_owned();
    assert!(!text.contains("wasi:"), "nothing of the adapter is left");
}

const PREVIEW1_IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#;

/// Traps, and so fails the event, unless the condition holds.
fn must(condition: &str) -> String {
    format!("(if (i32.eqz {condition}) (then unreachable))")
}

#[test]
fn time_moves_by_waiting_and_asking_alone() {
    let body = [
        "(drop (call $clock (i32.const 0) (i64.const 1) (i32.const 4096)))".to_owned(),
        must("(i64.eq (i64.load (i32.const 4096)) (i64.const 1704067200000001000))"),
        // An hour, on the monotonic clock, from now on.
        "(i64.store (i32.const 4200) (i64.const 77)) (i32.store (i32.const 4216) (i32.const 1))
         (i64.store (i32.const 4224) (i64.const 3600000000000))"
            .to_owned(),
        must("(i32.eqz (call $poll (i32.const 4200) (i32.const 4300) (i32.const 1) (i32.const 4400)))"),
        must("(i32.eq (i32.load (i32.const 4400)) (i32.const 1))"),
        must("(i64.eq (i64.load (i32.const 4300)) (i64.const 77))"),
        "(drop (call $clock (i32.const 1) (i64.const 1) (i32.const 4096)))".to_owned(),
        must("(i64.eq (i64.load (i32.const 4096)) (i64.const 3600000002000))"),
    ];
    assert_eq!(process(&plugin(PREVIEW1_IMPORTS, &body.concat())).broke, None);
}

#[test]
fn randomness_is_the_same_each_time_and_not_one_byte_again_and_again() {
    let body = [
        "(drop (call $random (i32.const 4096) (i32.const 16)))".to_owned(),
        must("(i64.ne (i64.load (i32.const 4096)) (i64.load (i32.const 4104)))"),
        // The event fails, and says by its message which bytes came.
        "(i32.store (i32.const 4200) (i32.const 4096)) (i32.store (i32.const 4204) (i32.const 16))
         (drop (call $fd_write (i32.const 2) (i32.const 4200) (i32.const 1) (i32.const 4300)))
         (call $exit (i32.const 3))"
            .to_owned(),
    ];
    let module = plugin(PREVIEW1_IMPORTS, &body.concat());
    let said = || process(&module).broke.unwrap().reason.message;
    assert_eq!(said(), said());
}

#[test]
fn no_file_is_there_to_be_opened() {
    let open = "(call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 7) (i32.const 0) (i64.const 0)
        (i64.const 0) (i32.const 0) (i32.const 4096))";
    let body = must(&format!("(i32.eq {open} (i32.const 76))"));
    assert_eq!(process(&plugin(PREVIEW1_IMPORTS, &body)).broke, None);
}

#[test]
fn what_is_printed_to_stderr_before_the_end_is_the_reason_and_memory_stays_as_it_was() {
    let body = [
        "(i64.store (i32.const 0) (i64.const 0x1122334455667788)) (i32.store (i32.const 8) (i32.const 0x99))",
        "(i32.store (i32.const 4200) (i32.const 1024)) (i32.store (i32.const 4204) (i32.const 5))",
        "(i32.store (i32.const 4208) (i32.const 1029)) (i32.store (i32.const 4212) (i32.const 2))",
        "(drop (call $fd_write (i32.const 2) (i32.const 4200) (i32.const 2) (i32.const 4300)))",
        &must("(i32.eq (i32.load (i32.const 4300)) (i32.const 7))"),
        &must("(i64.eq (i64.load (i32.const 0)) (i64.const 0x1122334455667788))"),
        &must("(i32.eq (i32.load (i32.const 8)) (i32.const 0x99))"),
        "(call $exit (i32.const 3))",
    ];
    let reason = process(&plugin(PREVIEW1_IMPORTS, &body.concat())).broke.unwrap().reason;
    assert_eq!(reason.code, "trap");
    assert!(reason.message.starts_with("adapted ("), "{}", reason.message);
}

#[test]
fn an_import_from_elsewhere_is_named() {
    let error = componentize(&plugin(r#"(import "env" "puts" (func (param i32) (result i32)))"#, "")).unwrap_err();
    assert!(error.to_string().contains("env"), "{error}");
}

#[test]
fn a_module_without_a_plugins_exports_is_told_what_they_are() {
    let error = componentize(&wat::parse_str("(module)").unwrap()).unwrap_err();
    assert!(matches!(error, ComponentError::NoPlugin), "{error}");
    let error = componentize(b"\0asm\x01\0\0\0\x01\x01\xff").unwrap_err();
    assert!(matches!(error, ComponentError::Unfit(_)), "{error}");
}
