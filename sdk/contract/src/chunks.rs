//! A vector of many small things that grows without moving them.

use std::ops::{Index, IndexMut};

/// A vector in pieces of `N`. Growing copies nothing, and needs room for the new piece alone: a plain vector of a million
/// entries needs three times its size while it doubles, and what WebAssembly's memory had once it never gives back.
#[derive(Debug)]
pub struct Chunks<T, const N: usize> {
    chunks: Vec<Vec<T>>,
}

impl<T, const N: usize> Default for Chunks<T, N> {
    fn default() -> Self {
        Chunks { chunks: vec![] }
    }
}

impl<T, const N: usize> Chunks<T, N> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * N + last.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Adds one behind the others; answers where it is.
    pub fn push(&mut self, item: T) -> usize {
        let index = self.len();
        match self.chunks.last_mut() {
            Some(last) if last.len() < N => last.push(item),
            _ => {
                let mut chunk = Vec::with_capacity(N);
                chunk.push(item);
                self.chunks.push(chunk);
            }
        }
        index
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }
}

impl<T, const N: usize> Index<usize> for Chunks<T, N> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.chunks[index / N][index % N]
    }
}

impl<T, const N: usize> IndexMut<usize> for Chunks<T, N> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.chunks[index / N][index % N]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_where_they_were_put() {
        let mut chunks = Chunks::<usize, 4>::default();
        assert!(chunks.is_empty());
        for number in 0..10 {
            assert_eq!((chunks.len(), chunks.push(number * number)), (number, number));
        }
        chunks[7] += 1;
        assert_eq!(chunks.iter().copied().collect::<Vec<_>>(), [0, 1, 4, 9, 16, 25, 36, 50, 64, 81]);
        assert_eq!((chunks.len(), chunks[3], chunks[4]), (10, 9, 16));
    }
}
