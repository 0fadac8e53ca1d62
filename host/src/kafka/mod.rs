//! All of Kafka that the host knows: nothing outside this folder names rdkafka. The worker sees it through the two
//! small traits of [`edge`], so that its tests can hold back a delivery or stop a commit in the middle.

pub mod edge;
