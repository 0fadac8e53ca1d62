//! Does one of the benchmarks' jobs, written with the SDK: it gets its events in flat columns.

use bench_rule::{Job, Order, Settings};
use wasmill_plugin::{Context, Event, Outcome, Plugin, Sink, Wiring};

struct Columns {
    job: Job,
    out: Sink,
}

impl Plugin for Columns {
    type Settings = Settings;

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("orders");
        Ok(Columns { job: settings.job, out: wiring.sink("out") })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        let forward = match self.job {
            Job::Nothing => false,
            Job::PassThrough => true,
            Job::Fraud => event.json::<Order>()?.is_suspicious(),
        };
        if forward {
            ctx.forward(self.out);
        }
        Ok(())
    }
}

wasmill_plugin::export!(Columns);
