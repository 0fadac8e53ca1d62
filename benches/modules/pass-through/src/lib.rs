//! Passes every event on as it is: the least that a plugin written with the Rust SDK can do, and so the yardstick of `wasmill
//! bench`, which carries a built module of it (`host/src/cli/bench/pass-through.wasm`).

use wasmill_plugin::{Context, Event, NoSettings, Outcome, Plugin, Sink, Wiring};

struct PassThrough {
    passed: Sink,
}

impl Plugin for PassThrough {
    type Settings = NoSettings;

    fn new(_: NoSettings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("events");
        Ok(PassThrough { passed: wiring.sink("passed") })
    }

    fn process(&self, _: &Event, ctx: &mut Context) -> Outcome {
        ctx.forward(self.passed);
        Ok(())
    }
}

wasmill_plugin::export!(PassThrough);
