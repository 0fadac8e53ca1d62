//! A Kafka record, as tests write and read it.

/// Everything of a record that matters to anybody. What is read has all of it; what is written only what was set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Written: None is by the key, as the Java client would.
    pub partition: Option<i32>,
    /// Read only.
    pub offset: Option<i64>,
    /// Milliseconds since the Unix epoch; written: None (and 0) is now.
    pub timestamp: Option<i64>,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; None is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers in order, each a name in any bytes but zero, and a value or null.
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Record {
    /// One with this value.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Record { value: Some(value.into()), ..Record::default() }
    }

    /// One without a value.
    pub fn tombstone() -> Self {
        Record::default()
    }

    /// With this key.
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// To this partition.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// At this time, in milliseconds since the Unix epoch.
    pub fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// With one more header.
    pub fn header(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), Some(value.into())));
        self
    }

    /// With one more header that has no value.
    pub fn null_header(mut self, name: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), None));
        self
    }

    /// The value as text. Panics if it is null or no UTF-8.
    pub fn text(&self) -> &str {
        let value = self.value.as_deref().unwrap_or_else(|| panic!("a tombstone where a value was expected: {self:?}"));
        std::str::from_utf8(value).unwrap_or_else(|error| panic!("no text ({error}): {self:?}"))
    }
}
