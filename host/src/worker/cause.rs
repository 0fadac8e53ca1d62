//! Which event an output came from, packed into the token that travels with it through the producer.

use crate::event::Partition;

/// The event that caused a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The input partition.
    pub at: Partition,
    /// The event's offset.
    pub offset: i64,
    /// Whether the record is the event's dead letter rather than an output.
    pub dead_letter: bool,
}

const OFFSET_BITS: u32 = 40;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;
const PARTITION_BITS: u32 = 16;
const TOPIC_BITS: u32 = 7;

/// Input topics that one plugin may have, so that a topic's index fits into a token. The two numbers left stand for a
/// task's timers and for its changelog.
pub const MAX_TOPICS: usize = (1 << TOPIC_BITS) - 2;

/// Of a record of a changelog, which no event alone has caused.
pub const CHANGELOG: u64 = u64::MAX;

/// Partitions that an input topic may have, for the same reason.
pub const MAX_PARTITIONS: i32 = 1 << PARTITION_BITS;

impl Cause {
    /// Packs the cause: a bit, the topic, the partition, and the low bits of the offset. What is in flight spans far
    /// fewer than 2^40 offsets, so the low bits name one event.
    pub fn token(self) -> u64 {
        debug_assert!(self.at.topic <= MAX_TOPICS && self.at.number < MAX_PARTITIONS);
        let place = (self.at.topic as u64) << PARTITION_BITS | self.at.number as u64;
        (self.dead_letter as u64) << 63 | place << OFFSET_BITS | self.offset as u64 & OFFSET_MASK
    }

    /// The input partition that a token names; its topic is [`MAX_TOPICS`] if timers of the task are the cause.
    pub fn place(token: u64) -> Partition {
        let place = token << 1 >> 1 >> OFFSET_BITS;
        Partition { topic: (place >> PARTITION_BITS) as usize, number: (place & ((1 << PARTITION_BITS) - 1)) as i32 }
    }

    /// Unpacks a token. `base` gives the partition's last committed offset, which is at or before the event's.
    pub fn from_token(token: u64, base: impl Fn(Partition) -> Option<i64>) -> Option<Cause> {
        let at = Cause::place(token);
        let base = base(at)?;
        let ahead = token.wrapping_sub(base as u64) & OFFSET_MASK;
        Some(Cause { at, offset: base + ahead as i64, dead_letter: token >> 63 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_the_event_that_it_named() {
        for (topic, number, base, offset, dead_letter) in [
            (0, 0, 0, 0, false),
            (MAX_TOPICS - 1, MAX_PARTITIONS - 1, 0, 17, true),
            (3, 12, (1 << 40) - 5, (1 << 40) + 5, false),
            (1, 2, 5 << 40, (5 << 40) + (1 << 39), true),
        ] {
            let cause = Cause { at: Partition { topic, number }, offset, dead_letter };
            assert_eq!(Cause::from_token(cause.token(), |at| (at == cause.at).then_some(base)), Some(cause));
        }
    }

    #[test]
    fn an_event_of_a_partition_that_is_gone_has_no_cause() {
        let cause = Cause { at: Partition { topic: 0, number: 1 }, offset: 1, dead_letter: false };
        assert_eq!(Cause::from_token(cause.token(), |_| None), None);
    }
}
