//! A small plugin, written by hand, for tests of the loader and of instances.

/// A plugin of the world `event-plugin`, as a language without component tooling would make it. `imports` come first; `body`
/// is what `process` does before it answers that the event gives nothing. The memory from 4096 on is free.
pub(in crate::plugin) fn plugin(imports: &str, body: &str) -> Vec<u8> {
    wat::parse_str(text(imports, body)).unwrap()
}

/// Its text, to be spoilt.
pub(in crate::plugin) fn text(imports: &str, body: &str) -> String {
    format!(
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
    )
}
