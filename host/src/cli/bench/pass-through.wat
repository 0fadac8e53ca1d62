;; The least that a plugin can do: every event goes to the one sink as it is. What it costs is what the boundary costs, and so
;; it is the yardstick of `wasmill bench`. Of the world `batch-plugin`; what comes in is put behind `$heap`, and forgotten when
;; the answer has been read.
(module
  (memory (export "memory") 2)
  (global $heap i32 (i32.const 4096))
  (global $free (mut i32) (i32.const 4096))
  (data (i32.const 16) "pass-through")
  (data (i32.const 32) "events")
  (data (i32.const 48) "passed")

  (func $take (export "cabi_realloc") (param $old i32) (param $size i32) (param $align i32) (param $bytes i32) (result i32)
    (local $at i32) (local $end i32) (local $missing i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (local.set $missing (i32.sub (local.get $end) (i32.shl (memory.size) (i32.const 16))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (i32.shr_u (i32.add (local.get $missing) (i32.const 65535)) (i32.const 16))) (i32.const -1))
          (then unreachable))))
    (global.set $free (local.get $end))
    (local.get $at))
  (func $forget (global.set $free (global.get $heap)))

  (func (export "wasmill:plugin/lifecycle@0.1.0#describe") (result i32)
    (memory.fill (i32.const 1024) (i32.const 0) (i32.const 64))
    (i32.store (i32.const 1024) (i32.const 16)) (i32.store (i32.const 1028) (i32.const 12))
    (i32.const 1024))

  ;; ok: the input `events` from the topic `events`, the sink `passed` to the topic `passed`
  (func (export "wasmill:plugin/lifecycle@0.1.0#configure") (param i32 i32) (result i32)
    (memory.fill (i32.const 1024) (i32.const 0) (i32.const 256))
    (i32.store (i32.const 1028) (i32.const 1100)) (i32.store (i32.const 1032) (i32.const 1))
    (i32.store (i32.const 1036) (i32.const 1200)) (i32.store (i32.const 1040) (i32.const 1))
    (i32.store (i32.const 1100) (i32.const 32)) (i32.store (i32.const 1104) (i32.const 6))
    (i32.store (i32.const 1108) (i32.const 32)) (i32.store (i32.const 1112) (i32.const 6))
    (i32.store (i32.const 1200) (i32.const 48)) (i32.store (i32.const 1204) (i32.const 6))
    (i32.store (i32.const 1208) (i32.const 48)) (i32.store (i32.const 1212) (i32.const 6))
    (i32.const 1024))

  ;; A column of as many numbers as there are events, at the offset of the answer that names it.
  (func $column (param $answer i32) (param $count i32) (param $first i32) (param $step i32)
    (local $at i32) (local $left i32)
    (local.set $at
      (call $take (i32.const 0) (i32.const 0) (i32.const 4) (i32.shl (local.get $count) (i32.const 2))))
    (i32.store (local.get $answer) (local.get $at))
    (i32.store offset=4 (local.get $answer) (local.get $count))
    (local.set $left (local.get $count))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (i32.store (local.get $at) (local.get $first))
        (local.set $first (i32.add (local.get $first) (local.get $step)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next))))

  (func (export "wasmill:plugin/batch-processor@0.1.0#process-batch") (param $batch i32) (result i32)
    (local $count i32)
    ;; The length of the column of offsets.
    (local.set $count (i32.load offset=48 (local.get $batch)))
    (memory.fill (i32.const 1024) (i32.const 0) (i32.const 192))
    (i32.store (i32.const 1024) (local.get $count))
    (call $column (i32.const 1028) (local.get $count) (i32.const 0) (i32.const 1))   ;; sources
    (call $column (i32.const 1036) (local.get $count) (i32.const 0) (i32.const 0))   ;; sinks
    (call $column (i32.const 1060) (local.get $count) (i32.const -2) (i32.const 0))  ;; keys: the source's
    (call $column (i32.const 1068) (local.get $count) (i32.const -2) (i32.const 0))  ;; values
    (call $column (i32.const 1084) (local.get $count) (i32.const -2) (i32.const 0))  ;; headers
    (i32.const 1024))
  (func (export "cabi_post_wasmill:plugin/batch-processor@0.1.0#process-batch") (param i32) (call $forget))
  ;; It sets no timers.
  (func (export "wasmill:plugin/batch-processor@0.1.0#process-timers") (param i32 i64 i64 i64 i32 i32) (result i32)
    unreachable))
