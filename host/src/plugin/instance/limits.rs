//! What an instance may hold.

use wasmtime::ResourceLimiter;

/// wasmtime keeps a pointer an entry.
const TABLE_ENTRY: usize = size_of::<usize>();

/// Counts all memories and tables of an instance together.
pub(crate) struct MemoryLimit {
    limit: usize,
    held: usize,
    /// Added for the growth that is under way, in case it fails.
    pending: usize,
    /// What was held and how much more was asked for, at the first growth of this call that was refused.
    refused: Option<(usize, usize)>,
}

impl MemoryLimit {
    pub(crate) fn new(limit: usize) -> MemoryLimit {
        MemoryLimit { limit, held: 0, pending: 0, refused: None }
    }

    /// Bytes.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Forgets the refusals of the last call.
    pub(crate) fn begin(&mut self) {
        self.refused = None;
    }

    /// Why the instance ran out of memory in this call, if it did.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.refused.map(|(held, more)| {
            format!(
                "it holds {} and asked for {} more, but limits.memory is {}",
                bytes(held),
                bytes(more),
                bytes(self.limit)
            )
        })
    }

    fn grow(&mut self, more: usize) -> bool {
        self.pending = 0;
        if self.held.saturating_add(more) > self.limit {
            self.refused.get_or_insert((self.held, more));
            return false;
        }
        self.held += more;
        self.pending = more;
        true
    }

    fn failed(&mut self) {
        self.held -= self.pending;
        self.pending = 0;
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ENTRY)))
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed();
        Ok(())
    }

    // An empty memory costs nothing here and gigabytes of address space in wasmtime. Toolchains make one to three.
    fn memories(&self) -> usize {
        32
    }

    fn tables(&self) -> usize {
        128
    }
}

/// `1.5 MiB`, for messages.
fn bytes(bytes: usize) -> String {
    const MIB: usize = 1 << 20;
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..MIB => format!("{} KiB", bytes.div_ceil(1024)),
        _ if bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        _ => format!("{:.1} MiB", bytes as f64 / MIB as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_summed() {
        let mut limit = MemoryLimit::new(3 << 16);
        assert!(limit.memory_growing(0, 1 << 16, None).unwrap());
        assert!(limit.memory_growing(0, 1 << 16, None).unwrap());
        assert!(limit.table_growing(0, 1000, None).unwrap());
        assert_eq!(limit.held(), (2 << 16) + 1000 * TABLE_ENTRY);
        assert!(limit.refusal().is_none());
        assert!(!limit.memory_growing(1 << 16, 2 << 16, None).unwrap());
        let refusal = limit.refusal().unwrap();
        assert_eq!(refusal, "it holds 136 KiB and asked for 64 KiB more, but limits.memory is 192 KiB");
        limit.begin();
        assert!(limit.refusal().is_none());
    }

    #[test]
    fn a_growth_that_failed_is_not_held() {
        let mut limit = MemoryLimit::new(1 << 20);
        assert!(limit.memory_growing(0, 1 << 16, None).unwrap());
        limit.memory_grow_failed(wasmtime::Error::msg("the machine is full")).unwrap();
        assert_eq!(limit.held(), 0);
    }
}
