//! The memory store.

use visibly::store::{MemoryStore, kit};

#[test]
fn the_memory_store_keeps_the_contract() {
    let store = MemoryStore::new();
    kit::check(|| store.clone()).unwrap();
}
