//! What is counted, and how it is named for Prometheus.
