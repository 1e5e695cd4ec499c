//! Memory of lists that are kept: little more than they take, however they have grown and shrunk.
//!
//! * A list grows by an eighth, for by doubling it would hold twice what one that is loaded holds.
//! * Of what leaves, memory for half of what is left is kept at most. Short lists keep theirs: they come and go with
//!   every message.
//!
//! Nothing here knows what the lists hold.

/// Values of a list that is short.
const SHORT: usize = 8;

/// Makes room for so many more.
pub(super) fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more + list.len() / 8);
    }
}

/// Gives memory back that is far more than is needed, after some have left.
pub(super) fn give_back<T>(list: &mut Vec<T>) {
    if list.capacity() > SHORT && has_too_much(list.len(), list.capacity()) {
        list.shrink_to(list.len() + list.len() / 8);
    }
}

/// Whether so many values are in far more memory than they need.
pub(super) fn has_too_much(len: usize, capacity: usize) -> bool {
    len < capacity / 3 * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_takes_little_more_than_it_holds() {
        let mut list = Vec::new();
        for number in 0..1_000 {
            make_room(&mut list, 1);
            list.push(number);
            assert!(list.capacity() <= list.len() + list.len() / 8 + 1);
        }
        make_room(&mut list, 7);
        assert!(list.capacity() >= 1_007);
        while list.pop().is_some() {
            give_back(&mut list);
            assert!(list.capacity() <= (list.len() * 3 / 2 + 3).max(SHORT));
        }
    }
}
