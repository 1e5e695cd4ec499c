//! Texts that must not be mixed up: one newtype per id, tags, and free text.
//!
//! * Ids and tags are 24 bytes: up to 23 bytes of text are held in place, for whoever looks an id up waits for each
//!   pointer on the way; a longer text is on the heap and shared. Cloning allocates nothing either way. So the address
//!   of a text says nothing about it: it may be that of a value which is moved, and another comes to be there.
//! * Ids compare by code point (SPEC 5.8), which is the byte order of UTF-8.
//! * `Debug` shows ids; it never shows a tag or a free text, for both can say something of a patient.
//!
//! Nothing here knows which ids exist; an empty id is refused where facts are loaded or changed.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use smol_str::SmolStr;

/// Gives a text newtype its conversions and its serde form, a plain string.
macro_rules! shared_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Made from `&str` or `String`; cloning is O(1) and allocates nothing. Any text is accepted here, the
        /// empty one too, which [`Facts::load`](crate::Facts::load) and changes refuse.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// The text itself. O(1).
            #[must_use]
            #[inline]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(SmolStr::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(SmolStr::from(text))
            }
        }

        impl From<&String> for $name {
            fn from(text: &String) -> Self {
                Self(SmolStr::from(text))
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, text: &str) -> bool {
                self.as_str() == text
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                self.as_str() == *text
            }
        }

        impl From<&$name> for $name {
            fn from(text: &$name) -> Self {
                text.clone()
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(Self::from(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // Formats that can lend a text do so here too; those that cannot lend a long one refuse `deserialize_str`.
                deserializer.deserialize_string(TextVisitor).map(Self)
            }
        }
    };
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        shared_text!($(#[$doc])* $name);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.as_str())
            }
        }
    };
}

id!(
    /// Id of an organization.
    OrganizationId
);
id!(
    /// Id of a teammate, unique within the organization.
    TeammateId
);
id!(
    /// Id of a team, unique within the organization.
    TeamId
);
id!(
    /// Id of an endpoint (phone or fax number, email address, Spruce Link), unique within the organization.
    EndpointId
);
id!(
    /// Id of a contact, unique within the organization.
    ContactId
);
id!(
    /// Id of a conversation, unique within the organization.
    ConversationId
);
id!(
    /// Id of a saved filter, unique within the organization.
    FilterId
);
shared_text!(
    /// A tag on a contact or conversation. Tags organize and hide nothing (SPEC 3.5).
    ///
    /// Compared letter by letter; a tag of white space alone is refused where facts are loaded or changed. `Debug`
    /// prints `Tag(..)`, without the text.
    Tag
);

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = SmolStr;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<SmolStr, E> {
        Ok(SmolStr::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<SmolStr, E> {
        Ok(SmolStr::from(text))
    }
}

/// Free text for people to read: a name, a label, a phone number. No rule looks at it; only contact lists do, for they
/// are in the order of names (SPEC 5.10).
///
/// `Debug` prints `Text(..)`, so that names of patients do not reach a log by accident; `Display`, `as_str` and
/// serde give the text. The empty text is a text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Text(Box<str>);

impl Text {
    /// The text itself. O(1).
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self(text.as_str().into())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == text
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(..)")
    }
}

/// Milliseconds since 1970-01-01T00:00Z; before it, negative.
///
/// The crate reads no clock: every time is the caller's, made from an `i64` or a `SystemTime`. In serde a plain integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time `millis` milliseconds after 1970-01-01T00:00Z.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00Z.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }
}

impl From<i64> for Timestamp {
    fn from(millis: i64) -> Self {
        Self(millis)
    }
}

/// In whole milliseconds; a time that does not fit is the first or last that does.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = |span: Duration| i64::try_from(span.as_millis());
        Self(match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => millis(after).unwrap_or(i64::MAX),
            Err(before) => millis(before.duration()).map_or(i64::MIN, |millis| -millis),
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;
    use crate::model::hasher;

    /// Short enough to be in place, the longest that is, the first that is not, one that is white space alone.
    fn texts() -> [String; 5] {
        [String::new(), "é1".to_owned(), "x".repeat(23), "x".repeat(24), " ".repeat(24)]
    }

    #[test]
    fn ids_compare_and_hash_as_their_texts_do() {
        for one in texts() {
            let id = ContactId::from(one.as_str());
            assert_eq!(id.as_str(), one);
            assert_eq!(hasher().hash_one(&id), hasher().hash_one(one.as_str()));
            for other in texts() {
                assert_eq!(id.cmp(&ContactId::from(other.as_str())), one.cmp(&other));
                assert_eq!(id == ContactId::from(other.clone()), one == other);
            }
        }
    }
}
