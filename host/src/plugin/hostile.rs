//! Modules that no tool chain makes: broken, cut short, huge, greedy, endless, of the wrong types. Each is refused, or fails
//! its event, with a reason; none takes more than its limits, and the host goes on.

use super::binary::{Kind, kind};
use super::component::componentize;
use super::guest::{Outcome, Spawn};
use super::testing::{plugin, text};
use super::{Engine, LoadError, Loader, Module};
use crate::config::PluginConfig;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use wasmill_contract::Batch;

/// One for all tests, so that each shows as well that the host has survived the others.
static LOADER: LazyLock<Loader> =
    LazyLock::new(|| Loader::new(Engine::new().unwrap(), None).with_start_deadline(Duration::from_millis(500)));

const MEMORY: usize = 8 << 20;

fn config() -> PluginConfig {
    let mut config = PluginConfig::default();
    config.limits.memory = MEMORY;
    config.limits.deadline = Some(Duration::from_millis(300));
    config
}

fn load(bytes: &[u8]) -> Result<Arc<Module>, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hostile.wasm");
    std::fs::write(&file, bytes).unwrap();
    LOADER.load("hostile", &file, &config())
}

fn refused(bytes: &[u8], code: &str) -> String {
    let error = load(bytes).expect_err("it should be refused");
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().len() > 20, "a reason is given: {error}");
    error.to_string()
}

/// What comes of one event. The instance has taken no more than its limit, and the module makes another one, which is as it
/// should be before the next event.
fn process(module: &[u8]) -> Outcome {
    let module = load(module).unwrap();
    let mut guest = module.spawn().unwrap();
    let mut batch = Batch::default();
    batch.topic = "in".into();
    batch.push(0, 1, Some(b"k"), Some(b"v"), [].into_iter());
    let outcome = guest.process(&mut batch, &mut None);
    assert!(guest.memory_bytes() <= MEMORY, "{} bytes", guest.memory_bytes());
    drop(guest);
    module.spawn().unwrap();
    outcome
}

/// The code of the reason for which the event failed.
fn fails(imports: &str, body: &str) -> String {
    process(&plugin(imports, body)).broke.expect("the instance should break").reason.code
}

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

#[test]
fn no_beginning_of_a_module_is_taken_for_one() {
    for whole in [plugin("", ""), componentize(&plugin("", "")).unwrap()] {
        assert!(load(&whole).is_ok());
        for length in (0..whole.len()).step_by(7) {
            let beginning = &whole[..length];
            // Where a section ends a file may end as well; what is missing then may be of no account, such as names.
            let ends = kind(beginning) != Kind::Incomplete;
            assert!(load(beginning).is_err() || ends, "the first {length} bytes");
        }
    }
}

#[test]
fn a_module_with_a_byte_changed_is_taken_or_refused_and_nothing_else() {
    let mut random = Random(0x5eed);
    for whole in [plugin("", ""), componentize(&plugin("", "")).unwrap()] {
        for _ in 0..150 {
            let mut spoilt = whole.clone();
            for _ in 0..=random.next(3) {
                let at = random.next(spoilt.len());
                spoilt[at] = random.next(256) as u8;
            }
            if let Ok(module) = load(&spoilt) {
                let mut batch = Batch::default();
                batch.topic = "in".into();
                batch.push(0, 1, None, Some(b"v"), [].into_iter());
                let outcome = module.spawn().unwrap().process(&mut batch, &mut None);
                assert!(outcome.answer.done <= 1);
            }
        }
    }
}

#[test]
fn a_memory_that_is_larger_than_its_limit_is_refused() {
    for pages in ["129", "65536"] {
        let huge = text("", "").replace("\"memory\") 1)", &format!("\"memory\") {pages})"));
        refused(&wat::parse_str(huge).unwrap(), "start");
    }
}

#[test]
fn a_table_that_is_larger_than_its_limit_is_refused() {
    for entries in [2_000_000, 100_000_000] {
        refused(&plugin(&format!("(table {entries} funcref)"), ""), "start");
    }
}

#[test]
fn a_module_that_wants_all_the_world_is_refused_by_name() {
    let imports: String = (0..1000).map(|n| format!("(import \"env\" \"f{n}\" (func (param i32)))")).collect();
    let said = refused(&plugin(&imports, ""), "not-a-component");
    assert!(said.contains("env"), "{said}");
    assert!(said.len() < 2000, "{} bytes", said.len());
}

#[test]
fn a_module_that_does_not_come_back_from_its_start_is_refused() {
    let start = "(func $spin (loop (br 0))) (start $spin)";
    let spoilt = text("", "").replace("(global $free", &format!("{start} (global $free"));
    let said = refused(&wat::parse_str(spoilt).unwrap(), "start");
    assert!(said.contains("deadline"), "{said}");
}

#[test]
fn endless_loops_and_recursions_end() {
    assert_eq!(fails("", "(loop (br 0))"), "deadline");
    let call = "(call $process (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i64.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))";
    let outcome = process(&plugin("", &format!("(drop {call})")));
    let reason = outcome.broke.unwrap().reason;
    assert!(reason.code == "trap" && reason.message.contains("stack"), "{reason:?}");
}

#[test]
fn memories_and_tables_grow_to_their_limit_and_no_further() {
    let grow = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    assert_eq!(fails("", grow), "memory");
    let grow = "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 65536)) (i32.const -1)))) unreachable";
    assert_eq!(fails("(table $t 1 funcref)", grow), "memory");
}

#[test]
fn an_answer_that_points_anywhere_fails_its_event() {
    // The answer's list lies beyond the memory, is longer than it, or is not aligned.
    for (place, count) in [("0x7fffff00", "1"), ("4096", "0x0fffffff"), ("4097", "1"), ("0xffffffff", "0xffffffff")] {
        let answer = format!(
            "(i64.store (i32.const 5000) (i64.const 0)) (i32.store (i32.const 5004) (i32.const {place}))
             (i32.store (i32.const 5008) (i32.const {count})) (return (i32.const 5000))"
        );
        assert_eq!(fails("", &answer), "trap", "{place} {count}");
    }
    assert_eq!(fails("", "(return (i32.const 0x7ffffff0))"), "trap");
    assert_eq!(fails("", "(return (i32.const 5001))"), "trap");
    // No such case of the result.
    assert_eq!(fails("", "(i32.store8 (i32.const 5000) (i32.const 9)) (return (i32.const 5000))"), "trap");
}

#[test]
fn an_allocator_that_lies_fails_what_it_was_asked_for() {
    let lying = text("", "").replace(
        "(local.get $at))\n            (func (export \"wasmill:plugin/lifecycle@0.1.0#describe\"",
        "(i32.const 0x7ffffff0))\n            (func (export \"wasmill:plugin/lifecycle@0.1.0#describe\"",
    );
    assert_ne!(lying, text("", ""));
    refused(&wat::parse_str(lying).unwrap(), "configure");
}

#[test]
fn every_export_of_another_type_is_refused() {
    let whole = text("", "");
    for (export, wrong) in [
        ("lifecycle@0.1.0#describe", "lifecycle@0.1.0#descrive"),
        ("lifecycle@0.1.0#configure\") (param i32 i32)", "lifecycle@0.1.0#configure\") (param i32 i32 i32)"),
        ("processor@0.1.0#on-timer\") (param i32 i32 i64 i32)", "processor@0.1.0#on-timer\") (param i32 i32 i32 i32)"),
        ("(export \"cabi_realloc\")", "(export \"malloc\")"),
        ("(export \"memory\")", "(export \"heap\")"),
    ] {
        assert!(whole.contains(export), "{export}");
        let spoilt = whole.replace(export, wrong);
        refused(&wat::parse_str(spoilt).unwrap(), "not-a-component");
    }
}

#[test]
fn thousands_of_functions_and_types_load_or_are_refused() {
    let functions: String = (0..20_000).map(|n| format!("(func (result i32) (i32.const {n}))")).collect();
    assert!(load(&plugin("", "")).is_ok());
    let many = text("", "").replace("(global $free", &format!("{functions} (global $free"));
    // Either is right, as long as it comes to an end and the host goes on.
    let _ = load(&wat::parse_str(many).unwrap());
    assert!(load(&plugin("", "")).is_ok());
}
