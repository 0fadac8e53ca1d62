;; What a core module that was built for WASI preview 1 finds in place of a system: nothing. There are no arguments, no
;; environment, no files and no sockets; the clock is one that only waiting and asking moves, and randomness is the same each
;; time. What is written to stdout and stderr goes to the host, which makes lines of the log of it.
;;
;; It lives in the memory of the module, and may keep nothing there: where it needs twelve bytes for an answer, it borrows the
;; first ones and puts back what was in them. (Its numbers are i64 because a lone mutable i32 counts as a stack pointer.)
(module
  (import "env" "memory" (memory 0))
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get_stdout (result i32)))
  (import "wasi:cli/stderr@0.2.0" "get-stderr" (func $get_stderr (result i32)))
  ;; stream, bytes, their number, where the answer goes
  (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))

  ;; The streams' handles, one more than they are; 0: not asked for yet.
  (global $stdout (mut i64) (i64.const 0))
  (global $stderr (mut i64) (i64.const 0))
  ;; Nanoseconds since the program began, and 2024-01-01T00:00:00Z for the wall clock.
  (global $elapsed (mut i64) (i64.const 0))
  (global $epoch i64 (i64.const 1704067200000000000))
  (global $random (mut i64) (i64.const 0x243F6A8885A308D3))

  ;; Errors, by their names in the specification.
  (global $badf i32 (i32.const 8))
  (global $inval i32 (i32.const 28))
  (global $nosys i32 (i32.const 52))
  (global $spipe i32 (i32.const 70))
  (global $notcapable i32 (i32.const 76))

  ;; ---- What is printed ----

  (func $stream (param $fd i32) (result i32)
    (if (i32.eq (local.get $fd) (i32.const 2))
      (then
        (if (i64.eqz (global.get $stderr))
          (then (global.set $stderr (i64.add (i64.extend_i32_u (call $get_stderr)) (i64.const 1)))))
        (return (i32.sub (i32.wrap_i64 (global.get $stderr)) (i32.const 1)))))
    (if (i64.eqz (global.get $stdout))
      (then (global.set $stdout (i64.add (i64.extend_i32_u (call $get_stdout)) (i64.const 1)))))
    (i32.sub (i32.wrap_i64 (global.get $stdout)) (i32.const 1)))

  ;; Not more than 4096 bytes a call: that is what the stream takes. Whether it took them is no concern of the program's.
  (func $print (param $fd i32) (param $from i32) (param $length i32)
    (local $part i32) (local $low i64) (local $high i32)
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $part (select (i32.const 4096) (local.get $length) (i32.gt_u (local.get $length) (i32.const 4096))))
        (local.set $low (i64.load (i32.const 0)))
        (local.set $high (i32.load (i32.const 8)))
        (call $write (call $stream (local.get $fd)) (local.get $from) (local.get $part) (i32.const 0))
        (i64.store (i32.const 0) (local.get $low))
        (i32.store (i32.const 8) (local.get $high))
        (local.set $from (i32.add (local.get $from) (local.get $part)))
        (local.set $length (i32.sub (local.get $length) (local.get $part)))
        (br $more))))

  (func (export "fd_write") (param $fd i32) (param $parts i32) (param $count i32) (param $written i32) (result i32)
    (local $sum i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1)) (then (return (global.get $badf))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (call $print (local.get $fd) (i32.load (local.get $parts)) (i32.load offset=4 (local.get $parts)))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $parts))))
        (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $sum))
    (i32.const 0))

  ;; ---- Arguments and environment: none ----

  (func $none (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (func $fine_ii (param i32 i32) (result i32) (i32.const 0))
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (export "args_get" (func $fine_ii))
  (export "environ_get" (func $fine_ii))

  ;; ---- Time: a microsecond goes by each time somebody looks, and waiting is over at once ----

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $out i32) (result i32)
    (global.set $elapsed (i64.add (global.get $elapsed) (i64.const 1000)))
    (i64.store (local.get $out)
      (i64.add (global.get $elapsed) (select (global.get $epoch) (i64.const 0) (i32.eqz (local.get $clock)))))
    (i32.const 0))
  (func (export "clock_res_get") (param $clock i32) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.const 1000))
    (i32.const 0))

  ;; Whatever waits for a file is told that it is ready; if all wait for a time, it becomes the earliest one.
  (func (export "poll_oneoff")
    (param $asked i32) (param $events i32) (param $count i32) (param $happened i32) (result i32)
    (local $at i32) (local $left i32) (local $ready i32) (local $first i32) (local $wait i64) (local $shortest i64)
    (if (i32.eqz (local.get $count)) (then (return (global.get $inval))))
    (local.set $at (local.get $asked))
    (local.set $left (local.get $count))
    (local.set $shortest (i64.const -1))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (if (i32.load8_u offset=8 (local.get $at))
          (then
            (call $event (local.get $events) (local.get $ready) (local.get $at))
            (local.set $ready (i32.add (local.get $ready) (i32.const 1))))
          (else
            (local.set $wait (call $wait_of (local.get $at)))
            (if (i64.lt_u (local.get $wait) (local.get $shortest))
              (then
                (local.set $shortest (local.get $wait))
                (local.set $first (local.get $at))))))
        (local.set $at (i32.add (local.get $at) (i32.const 48)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (if (i32.eqz (local.get $ready))
      (then
        (global.set $elapsed (i64.add (global.get $elapsed) (local.get $shortest)))
        (call $event (local.get $events) (i32.const 0) (local.get $first))
        (local.set $ready (i32.const 1))))
    (i32.store (local.get $happened) (local.get $ready))
    (i32.const 0))

  ;; Nanoseconds until the time that is waited for; at most a century, so that the clock cannot overflow.
  (func $wait_of (param $at i32) (result i64)
    (local $wait i64)
    (local.set $wait (i64.load offset=24 (local.get $at)))
    (if (i32.and (i32.load16_u offset=40 (local.get $at)) (i32.const 1))
      (then
        (local.set $wait (i64.sub (local.get $wait)
          (i64.add (global.get $elapsed)
            (select (global.get $epoch) (i64.const 0) (i32.eqz (i32.load offset=16 (local.get $at)))))))
        (if (i64.lt_s (local.get $wait) (i64.const 0)) (then (return (i64.const 0))))))
    (select (i64.const 3155760000000000000) (local.get $wait)
      (i64.gt_u (local.get $wait) (i64.const 3155760000000000000))))

  ;; The event that answers a subscription: who asked, no error, what kind.
  (func $event (param $events i32) (param $index i32) (param $asked i32)
    (local $to i32)
    (local.set $to (i32.add (local.get $events) (i32.shl (local.get $index) (i32.const 5))))
    (memory.fill (local.get $to) (i32.const 0) (i32.const 32))
    (i64.store (local.get $to) (i64.load (local.get $asked)))
    (i32.store8 offset=10 (local.get $to) (i32.load8_u offset=8 (local.get $asked))))

  ;; ---- Randomness: xorshift64*, a byte at a time ----

  (func (export "random_get") (param $to i32) (param $length i32) (result i32)
    (local $x i64)
    (local.set $x (global.get $random))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 12))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 25))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 27))))
        (i64.store8 (local.get $to)
          (i64.shr_u (i64.mul (local.get $x) (i64.const 0x2545F4914F6CDD1D)) (i64.const 56)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $next)))
    (global.set $random (local.get $x))
    (i32.const 0))

  ;; ---- The end ----

  (func (export "proc_exit") (param i32) unreachable)
  (func (export "proc_raise") (param i32) (result i32) unreachable)
  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; ---- Descriptors: 0 to 2 are like a terminal's; nothing else is open ----

  (func $standard (param $fd i32) (result i32)
    (select (global.get $badf) (i32.const 0) (i32.gt_u (local.get $fd) (i32.const 2))))
  (func (export "fd_read") (param $fd i32) (param i32 i32) (param $read i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (global.get $badf))))
    (i32.store (local.get $read) (i32.const 0))
    (i32.const 0))
  (func (export "fd_fdstat_get") (param $fd i32) (param $out i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (global.get $badf))))
    (memory.fill (local.get $out) (i32.const 0) (i32.const 24))
    (i32.store8 (local.get $out) (i32.const 2))
    (i64.store offset=8 (local.get $out) (i64.const -1))
    (i32.const 0))
  (func (export "fd_filestat_get") (param $fd i32) (param $out i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (global.get $badf))))
    (memory.fill (local.get $out) (i32.const 0) (i32.const 64))
    (i32.store8 offset=16 (local.get $out) (i32.const 2))
    (i32.const 0))
  (func (export "fd_close") (param i32) (result i32) (call $standard (local.get 0)))
  (func (export "fd_datasync") (param i32) (result i32) (call $standard (local.get 0)))
  (func (export "fd_sync") (param i32) (result i32) (call $standard (local.get 0)))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (call $standard (local.get 0)))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32)
    (select (global.get $badf) (global.get $spipe) (i32.gt_u (local.get 0) (i32.const 2))))
  (func (export "fd_tell") (param i32 i32) (result i32)
    (select (global.get $badf) (global.get $spipe) (i32.gt_u (local.get 0) (i32.const 2))))

  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (global.get $badf))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (global.get $badf))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (global.get $badf))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (global.get $badf))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (global.get $badf))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (global.get $badf))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (global.get $badf))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (global.get $badf))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (global.get $badf))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (global.get $badf))
  (func (export "fd_renumber") (param i32 i32) (result i32) (global.get $badf))

  ;; ---- Files and sockets: none ----

  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (global.get $notcapable))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (global.get $notcapable))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (global.get $notcapable))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (global.get $notcapable))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (global.get $notcapable))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (global.get $notcapable))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (global.get $notcapable))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (global.get $notcapable))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (global.get $notcapable))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (global.get $notcapable))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (global.get $nosys))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (global.get $nosys))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (global.get $nosys))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (global.get $nosys)))
