//! From a changed file to a swapped module.
