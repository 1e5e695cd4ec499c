//! Numbers from bytes, and bytes from a seed.

use crate::worlds::{Draw, Ids, Sketch};

/// What is left of the input.
pub(crate) struct Bytes<'b>(pub(crate) &'b [u8]);

impl Bytes<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> usize {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        usize::from(first)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.byte() % limit
    }

    /// The next `count` numbers, a byte each, fewer at the end.
    fn numbers(&mut self, count: usize) -> Vec<u16> {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken.iter().map(|byte| u16::from(*byte)).collect()
    }

    /// A piece of fixed length for one thing, so that a byte more or less in one does not move all that follow.
    pub(crate) fn draw(&mut self, count: usize) -> Draw {
        Draw::new(self.numbers(count))
    }

    /// Up to `most` things.
    fn things(&mut self, most: usize, count: usize) -> Vec<Vec<u16>> {
        (0..self.below(most + 1)).map(|_| self.numbers(count)).collect()
    }

    pub(crate) fn sketch(&mut self) -> Sketch {
        let contact_membership = self.below(2) == 1;
        let mut teammates = vec![self.numbers(3)];
        teammates.extend(self.things(6, 3));
        Sketch {
            contact_membership,
            teammates,
            teams: self.things(4, 6),
            endpoints: self.things(6, 9),
            contacts: self.things(6, 10),
            conversations: self.things(14, 16),
            filters: self.things(5, 16),
        }
    }
}

/// Splitmix64 (Steele, Lea and Flood, 2014).
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.word() % limit as u64) as usize
    }

    /// Random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.word() as u8).collect()
    }
}

/// Small pools with as many more conversations.
pub(crate) fn crowded(conversations: usize) -> Ids {
    let mut ids = Ids::small();
    ids.conversations.extend((0..conversations).map(|number| format!("c{number}").into()));
    ids
}
