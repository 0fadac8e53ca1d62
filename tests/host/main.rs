//! Whole-host tests: a real host process on a real Apache Kafka. One module a subject.

mod harness;
