//! Maps from ids that keep their order, with a hash that is fast for short texts.

use std::sync::LazyLock;

use hashbrown::DefaultHashBuilder;

/// A map that keeps its order.
pub(crate) type IndexMap<K, V> = indexmap::IndexMap<K, V, DefaultHashBuilder>;

/// An empty map with room for `capacity` entries.
pub(crate) fn new_map<K, V>(capacity: usize) -> IndexMap<K, V> {
    IndexMap::with_capacity_and_hasher(capacity, hasher())
}

/// One random seed for the whole process, so that nobody can choose ids that collide.
pub(crate) fn hasher() -> DefaultHashBuilder {
    static HASHER: LazyLock<DefaultHashBuilder> = LazyLock::new(DefaultHashBuilder::default);
    HASHER.clone()
}
