//! Does one of the benchmarks' jobs, written with the SDK: it gets its events in flat columns.

use bench_rule::{Job, Order, Settings, Total};
use wasmill_plugin::{Context, Event, Outcome, Plugin, Sink, Store, Wiring};

struct Columns {
    job: Job,
    leak: usize,
    out: Sink,
    totals: Option<Store<Total>>,
}

impl Plugin for Columns {
    type Settings = Settings;

    fn new(settings: Settings, wiring: &mut Wiring) -> Result<Self, String> {
        wiring.input("orders");
        let totals = matches!(settings.job, Job::Totals).then(|| wiring.store("totals").keyed_by_event());
        Ok(Columns { job: settings.job, leak: settings.leak, out: wiring.sink("out"), totals })
    }

    fn process(&self, event: &Event, ctx: &mut Context) -> Outcome {
        if self.leak > 0 {
            std::mem::forget(std::hint::black_box(vec![1u8; self.leak]));
        }
        let forward = match self.job {
            Job::Nothing => false,
            Job::PassThrough => true,
            Job::Fraud => event.json::<Order>()?.is_suspicious(),
            Job::Totals => {
                let order: Order = event.json()?;
                if let Some(totals) = &self.totals {
                    ctx.update(totals, event.key().unwrap_or_default(), |total| total.add(&order))?;
                }
                order.is_suspicious()
            }
        };
        if forward {
            ctx.forward(self.out);
        }
        Ok(())
    }
}

wasmill_plugin::export!(Columns);
