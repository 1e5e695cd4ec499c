//! Cursors: where a page ended, bound to whom and what it was made for.
//!
//! * A cursor carries the position after which the next page starts, never a name, and no fact that its page did not
//!   show. Whatever the position, the next page lists only what its viewer may see.
//! * A tag over organization, viewer, list and position, keyed by the engine's cursor key, refuses one that is
//!   damaged, or was made for another viewer or list; with a secret key also one that is forged.
//!
//! Nothing here knows of conversations; a position is a number and an id.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode};
use crate::model::{ContactList, Inbox, OrganizationId, TeammateId};

/// The place where a page ended, to ask for the next one.
///
/// Text of hexadecimal digits, fit for a URL, that `Display`, `FromStr` and serde carry. What it holds can be read from
/// them: the id of its page's last row, and when that was last active, or a digest of the contact's name. Good for the
/// viewer, the list and the organization that it was made for, and for engines with the same [`CursorKey`], in any
/// process of the same build; anything else is refused with `invalid_cursor`. That of an inbox does not age: after
/// changes the next page goes on from the same position. That of a contact list is refused once the contact that its
/// page ended with is renamed, removed or hidden.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(Box<str>);

impl Cursor {
    /// The text itself. O(1).
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor(..)")
    }
}

/// Takes any text; whether it is a cursor shows when a page is asked for.
impl FromStr for Cursor {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

impl From<&str> for Cursor {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Cursor {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// The key under which an engine makes and checks cursors, 16 bytes.
///
/// Replicas of one build that share it accept each other's cursors. The default is public: it detects damage and
/// mix-ups, not forgery, and whoever reads a cursor, as in a log of URLs, can try out guesses of what it has digests
/// of: the name of a page's last contact, and tags in a rule. A forged cursor shows nothing that its viewer could not
/// page to. A secret key rules out both, so take one wherever patients are real.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct CursorKey([u8; 16]);

impl From<[u8; 16]> for CursorKey {
    fn from(key: [u8; 16]) -> Self {
        Self(key)
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(..)")
    }
}

/// What a cursor is bound to: organization, viewer and list, hashed once for all positions.
pub(crate) struct Binding(KeyedHasher);

/// What can be paged through. Its name keeps apart lists of different kinds that hash alike, as the first variants do.
pub(crate) trait Paged: Hash {
    const NAME: &'static str;
}

impl Paged for Inbox {
    const NAME: &'static str = "inbox";
}

impl Paged for ContactList {
    const NAME: &'static str = "contacts";
}

/// The last entry of a page: what it is ordered by (a time, or a digest of a name), then its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position<'a> {
    pub(crate) order: i64,
    pub(crate) id: &'a str,
}

const TAG_BYTES: usize = 8;
const ORDER_BYTES: usize = 8;

impl Binding {
    /// O(size of the list's rule).
    pub(crate) fn new<L: Paged>(key: CursorKey, organization: &OrganizationId, viewer: &TeammateId, list: &L) -> Self {
        let mut hasher = keyed_hasher(key);
        (organization, viewer, L::NAME, list).hash(&mut hasher);
        Self(hasher)
    }

    pub(crate) fn seal(&self, position: Position<'_>) -> Cursor {
        let [tag, order] = [self.tag(position).to_le_bytes(), position.order.to_le_bytes()];
        Cursor(to_hex([&tag, &order, position.id.as_bytes()]))
    }

    /// Calls `with` with the cursor's position, if it was sealed with this binding.
    pub(crate) fn unseal<R>(&self, cursor: &Cursor, with: impl FnOnce(Position<'_>) -> R) -> Result<R, Error> {
        let invalid = || Error::new(ErrorCode::InvalidCursor, "");
        let bytes = from_hex(&cursor.0).ok_or_else(invalid)?;
        let (tag, rest) = bytes.split_first_chunk::<TAG_BYTES>().ok_or_else(invalid)?;
        let (order, id) = rest.split_first_chunk::<ORDER_BYTES>().ok_or_else(invalid)?;
        let id = std::str::from_utf8(id).map_err(|_| invalid())?;
        let position = Position { order: i64::from_le_bytes(*order), id };
        match self.tag(position) == u64::from_le_bytes(*tag) {
            true => Ok(with(position)),
            false => Err(invalid()),
        }
    }

    fn tag(&self, position: Position<'_>) -> u64 {
        let mut hasher = self.0.clone();
        (position.order, position.id).hash(&mut hasher);
        hasher.finish()
    }
}

/// SipHash 2-4 (Aumasson and Bernstein, 2012), a keyed hash made for short messages.
#[expect(
    deprecated,
    reason = "the only keyed hash of the standard library whose algorithm is fixed by its documentation"
)]
type KeyedHasher = std::hash::SipHasher;

#[expect(deprecated, reason = "as the type is")]
fn keyed_hasher(key: CursorKey) -> KeyedHasher {
    let (low, high) = u128_halves(u128::from_le_bytes(key.0));
    KeyedHasher::new_with_keys(low, high)
}

fn u128_halves(key: u128) -> (u64, u64) {
    (key as u64, (key >> 64) as u64)
}

/// A digest that tells whether a text is still the one that a cursor was made with.
pub(crate) fn digest(key: CursorKey, text: impl Hash) -> i64 {
    let mut hasher = keyed_hasher(key);
    text.hash(&mut hasher);
    hasher.finish() as i64
}

fn to_hex(pieces: [&[u8]; 3]) -> Box<str> {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
    let mut text = Vec::with_capacity(2 * pieces.iter().map(|piece| piece.len()).sum::<usize>());
    pieces.into_iter().flatten().for_each(|byte| text.extend([digit(byte >> 4), digit(byte & 15)]));
    // Digits are always UTF-8.
    String::from_utf8(text).unwrap_or_default().into()
}

/// Reads what [`to_hex`] writes and nothing else: upper-case digits are damage.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |value: &u8| char::from(*value).to_digit(16).filter(|_| !value.is_ascii_uppercase());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| u8::try_from(digit(high)? << 4 | digit(low)?).ok()).collect()
}
