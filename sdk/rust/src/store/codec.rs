//! How values become bytes.

use crate::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Chosen when the store is declared.
pub(crate) struct Codec<V> {
    /// Appends the value's bytes.
    pub(crate) encode: fn(&V, &mut Vec<u8>) -> Result<(), String>,
    pub(crate) decode: fn(&[u8]) -> Result<V, String>,
}

impl<V> Clone for Codec<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Codec<V> {}

impl<V: Serialize + DeserializeOwned> Codec<V> {
    pub(crate) const JSON: Self = Codec {
        encode: |value, into| serde_json::to_writer(into, value).map_err(|error| error.to_string()),
        decode: |bytes| serde_json::from_slice(bytes).map_err(|error| error.to_string()),
    };
}

impl Codec<Vec<u8>> {
    pub(crate) const BYTES: Self = Codec {
        encode: |value, into| {
            into.extend_from_slice(value);
            Ok(())
        },
        decode: |bytes| Ok(bytes.to_vec()),
    };
}

/// What is in the store was written by another plugin than this one takes itself for: no event can help it.
#[cold]
pub(crate) fn unreadable(store: &str, key: &[u8], error: &str) -> Failure {
    let key = key.escape_ascii();
    let message = format!(
        "what the store `{store}` has under the key `{key}` does not fit: {error}. A store whose values changed their form needs a \
         form that reads the old ones as well, or another name"
    );
    Failure::stop("unreadable-state", message)
}
