//! The same job done in several ways, in turn, on the same topic full of orders. What is measured is how fast, and for how
//! much processor time, a consumer group gets through the topic, from a commit to the last one.

use crate::bare::{Bare, Forward};
use crate::figures::{median, ratio};
use crate::mill::Plugin;
use crate::orders::{CUSTOMERS, Orders};
use crate::outputs::Outputs;
use crate::progress::{self, Pace};
use crate::streams::{Settings, Store, Streams};
use crate::topics::{self, Topic, Writer};
use crate::totals::Totals;
use crate::{cpu, table};
use bench_rule::Order;
use wasmill_tests::{Host, Kafka, Setup, unique};

/// What can be asked of every contest.
#[derive(clap::Args)]
pub struct Arguments {
    /// So often each job is measured in each way, in turn.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Orders in the topic. Of the first third nothing is measured.
    #[arg(long, default_value_t = 3_000_000)]
    pub events: u64,
    /// Customers that the orders are of: the fewer, the more often one comes again between two commits.
    #[arg(long, default_value_t = CUSTOMERS, value_parser = clap::value_parser!(u64).range(1..))]
    pub customers: u64,
    /// Only this job.
    #[arg(long)]
    pub job: Option<Job>,
    /// Only the ways whose name contains this, beside the one that the others are compared with.
    #[arg(long, default_value = "")]
    pub way: String,
}

/// What is done with each order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Job {
    /// It is passed on as it is.
    PassThrough,
    /// It is passed on if it is suspicious.
    Fraud,
    /// It is added to its customer's total, and the total goes out.
    Revenue,
    /// The same, but only the last total of each commit goes out.
    RevenueAtCommits,
}

/// Who does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A bare loop of rdkafka.
    Bare,
    /// Wasmill, exactly once or at least once, with or without deadline checks.
    Mill {
        /// In transactions.
        exactly_once: bool,
        /// The module's machine code has checks of the time that an event takes.
        checks: bool,
    },
    /// Kafka Streams, with its record cache or without.
    Streams {
        /// Where totals are.
        store: Store,
        /// Whether there is one.
        cache: bool,
    },
}

/// The default of plugins.
pub const MILL: By = By::Mill { exactly_once: true, checks: true };

/// A way that a job is done, and its name in the table.
pub type Way = (&'static str, By);

/// Measures each job in each of its ways and prints a table. Ratios are to the first way of a job.
pub fn run(arguments: &Arguments, jobs: &[(Job, &[Way])]) {
    let kafka = Kafka::connect();
    let input = Topic::new(&kafka, "bench-orders");
    let mut writer = Writer::of(&input, Orders::among(arguments.customers));
    eprintln!("writing {} orders …", arguments.events);
    writer.write(arguments.events);
    writer.finish();
    let host = Setup::new(&kafka, &unique("bench")).start();
    let contest = Contest { kafka: &kafka, host: &host, input: &input };
    let mut rows = vec![table::row(["job", "way", "events/s", "x first", "CPU µs an event", "x first"])];
    for (job, ways) in jobs.iter().filter(|(job, _)| arguments.job.is_none_or(|only| only == *job)) {
        let wanted = |at: usize, name: &str| at == 0 || name.contains(&arguments.way);
        let ways: Vec<&Way> =
            ways.iter().enumerate().filter(|(at, (name, _))| wanted(*at, name)).map(|(_, way)| way).collect();
        let mut paces: Vec<Vec<Pace>> = vec![Vec::new(); ways.len()];
        for round in 0..arguments.rounds {
            for ((name, by), paces) in ways.iter().zip(&mut paces) {
                let pace = contest.measure(*job, *by);
                eprintln!("{}, round {round}: {name}: {:.0} events/s, {:.2} µs", job.name(), pace.rate, pace.cpu);
                paces.push(pace);
            }
        }
        rows.extend(ways.iter().zip(&paces).map(|((name, _), own)| row(*job, name, own, &paces[0])));
    }
    table::print(&rows);
}

fn row(job: Job, way: &str, paces: &[Pace], first: &[Pace]) -> Vec<String> {
    let rates = |paces: &[Pace]| paces.iter().map(|pace| pace.rate).collect::<Vec<_>>();
    let cpu = |paces: &[Pace]| paces.iter().map(|pace| pace.cpu).collect::<Vec<_>>();
    vec![
        job.name().into(),
        way.into(),
        format!("{:.0}", median(&rates(paces))),
        format!("{:.2}", ratio(&rates(paces), &rates(first))),
        format!("{:.2}", median(&cpu(paces))),
        format!("{:.2}", ratio(&cpu(paces), &cpu(first))),
    ]
}

struct Contest<'a> {
    kafka: &'a Kafka,
    host: &'a Host,
    input: &'a Topic<'a>,
}

impl Contest<'_> {
    fn measure(&self, job: Job, by: By) -> Pace {
        let output = Topic::new(self.kafka, "bench-out");
        let pace = match by {
            By::Bare => self.bare(job, &output),
            By::Mill { exactly_once, checks } => self.mill(job, &output, exactly_once, checks),
            By::Streams { store, cache } => self.streams(job, &output, store, cache),
        };
        job.check(self.input.events(), &Outputs::of(self.kafka, &output.name));
        pace
    }

    fn bare(&self, job: Job, output: &Topic<'_>) -> Pace {
        let changelog = Topic::compacted(self.kafka, "bench-changelog");
        let group = unique("bench-bare");
        let bare = Bare { brokers: self.kafka.brokers(), group: &group, input: &self.input.name, exactly_once: true };
        let ends = self.input.ends();
        let work = || match job {
            Job::PassThrough => {
                bare.run(&mut Forward { job: bench_rule::Job::PassThrough, output: &output.name }, &ends)
            }
            Job::Fraud => bare.run(&mut Forward { job: bench_rule::Job::Fraud, output: &output.name }, &ends),
            Job::Revenue => bare.run(&mut Totals::new(&output.name, &changelog.name, true), &ends),
            Job::RevenueAtCommits => bare.run(&mut Totals::new(&output.name, &changelog.name, false), &ends),
        };
        std::thread::scope(|scope| {
            scope.spawn(work);
            progress::follow(self.kafka, &group, self.input, cpu::of_this_process)
        })
    }

    fn mill(&self, job: Job, output: &Topic<'_>, exactly_once: bool, checks: bool) -> Pace {
        let (module, sink, settings) = job.plugin();
        let name = unique(module);
        let settings = settings.to_owned();
        let plugin = Plugin { name, module, settings, sink, checks, exactly_once, input: self.input, output };
        plugin.start(self.host);
        let id = self.host.process_id();
        let pace = progress::follow(self.kafka, &plugin.group(self.host), self.input, || cpu::of_process(id));
        plugin.stop(self.host);
        let group = plugin.group(self.host);
        topics::remove(self.kafka, &[format!("{group}-changelog"), format!("{group}-dlq")]);
        pace
    }

    fn streams(&self, job: Job, output: &Topic<'_>, store: Store, cache: bool) -> Pace {
        let application = unique("bench-streams");
        let job = if job == Job::Fraud { "fraud" } else { "revenue" };
        let settings = Settings { job, application: &application, input: self.input, output, store, cache };
        let streams = Streams::start(self.kafka, &settings);
        progress::follow(self.kafka, &application, self.input, || streams.cpu())
    }
}

impl Job {
    /// As tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Job::PassThrough => "pass-through",
            Job::Fraud => "fraud",
            Job::Revenue => "revenue",
            Job::RevenueAtCommits => "revenue at commits",
        }
    }

    /// The plugin that does it, with its sink and its settings.
    fn plugin(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Job::PassThrough => ("columns", "out", "job = \"pass-through\""),
            Job::Fraud => ("fraud", "fraud-alerts", ""),
            Job::Revenue => ("revenue", "aggregated_revenue", "group-by = \"customer_id\""),
            Job::RevenueAtCommits => ("revenue", "aggregated_revenue", "group-by = \"customer_id\"\nemit = \"commit\""),
        }
    }

    /// Panics unless that is what comes of so many orders.
    fn check(self, events: u64, outputs: &Outputs) {
        let expected = match self {
            Job::PassThrough => Outputs { records: events, counted: 0 },
            Job::Fraud => Outputs { records: suspicious(events), counted: 0 },
            Job::Revenue => Outputs { records: events, counted: events },
            Job::RevenueAtCommits => Outputs { records: outputs.records, counted: events },
        };
        assert_eq!(*outputs, expected, "{}", self.name());
    }
}

/// How many of the first so many orders are.
fn suspicious(events: u64) -> u64 {
    let mut orders = Orders::new();
    let suspicious = |value: &[u8]| Order::parse(value).is_ok_and(|order| order.is_suspicious());
    (0..events).filter(|_| suspicious(orders.next().1)).count() as u64
}
