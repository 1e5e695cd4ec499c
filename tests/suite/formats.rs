//! Formats other than JSON: those that read by place alone, and those that set no limit to how deep a value is.

use proptest::prelude::*;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};
use visibly::store::ReplicaId;
use visibly::{
    Change, ContactCategory, ContactUpdate, ConversationId, Cursor, Engine, ErrorCode, Filter, MAX_RULE_DEPTH, Rule,
    Tag, Text,
};

use crate::worlds::{EVERY_KIND, config, wayward_histories, worlds};

/// Writes a value and reads it back, by place, by place with kinds, and by name.
fn assert_round_trip<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> Result<(), TestCaseError> {
    let failed = |error: &dyn std::error::Error| TestCaseError::fail(error.to_string());
    let by_place = postcard::to_stdvec(value).map_err(|error| failed(&error))?;
    prop_assert!(postcard::from_bytes::<T>(&by_place).map_err(|error| failed(&error))? == *value);
    let with_kinds = rmp_serde::to_vec(value).map_err(|error| failed(&error))?;
    prop_assert!(rmp_serde::from_slice::<T>(&with_kinds).map_err(|error| failed(&error))? == *value);
    let by_name = rmp_serde::to_vec_named(value).map_err(|error| failed(&error))?;
    prop_assert!(rmp_serde::from_slice::<T>(&by_name).map_err(|error| failed(&error))? == *value);
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn datasets_survive_formats_without_names(world in worlds()) {
        assert_round_trip(&world.0)?;
    }

    #[test]
    fn changes_survive_formats_without_names(history in wayward_histories(25, EVERY_KIND, 30)) {
        history.changes.iter().try_for_each(assert_round_trip)?;
        assert_round_trip(&history.changes)?;
    }
}

/// A category that was read as a name renamed a patient.
#[test]
fn a_name_that_stays_is_told_from_one_that_goes_and_from_what_follows_it() {
    let update = || ContactUpdate::new("nora");
    let names = [update(), update().name(None), update().name(Some("".into())), update().name(Some("Nora".into()))];
    for update in names {
        assert_round_trip(&Change::UpdateContact(update.clone())).unwrap();
        assert_round_trip(&Change::UpdateContact(update.category(ContactCategory::Patient))).unwrap();
    }
    // Written by place, as for people, it leaves out a name that stays, and nothing tells what comes in its place.
    let mut short = Vec::new();
    let patient = update().category(ContactCategory::Patient);
    patient.serialize(&mut rmp_serde::Serializer::new(&mut short).with_human_readable()).unwrap();
    let mut reader = rmp_serde::Deserializer::new(&short[..]).with_human_readable();
    assert_eq!(ContactUpdate::deserialize(&mut reader).ok(), None);
    let two_names = rmp_serde::to_vec(&("nora", ["a", "b"], (), ())).unwrap();
    assert!(rmp_serde::from_slice::<ContactUpdate>(&two_names).is_err());
}

/// A text that its format hands over whole and does not lend, as that of CBOR does with one longer than its buffer.
struct NotLent(String);

impl<'de> Deserializer<'de> for NotLent {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_string(self.0)
    }

    fn deserialize_str<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("longer than the buffer"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Ids and tags of more than 4,096 bytes were written to CBOR and not read back.
#[test]
fn long_texts_are_read_from_formats_that_do_not_lend_them() {
    let text = "7".repeat(5_000);
    let not_lent = || NotLent(text.clone());
    assert_eq!(ConversationId::deserialize(not_lent()).unwrap(), text.as_str());
    assert_eq!(Tag::deserialize(not_lent()).unwrap(), text.as_str());
    assert_eq!(Text::deserialize(not_lent()).unwrap(), text.as_str());
    assert_eq!(Cursor::deserialize(not_lent()).unwrap().as_str(), text);
    let replica = ReplicaId::new(7);
    assert_eq!(ReplicaId::deserialize(NotLent(replica.to_string())), Ok(replica));
}

/// `not` around `unread`, so many times: in postcard the numbers of the variants, in MessagePack maps of one entry.
fn nested(depth: usize) -> [Vec<u8>; 2] {
    let not = postcard::to_stdvec(&Rule::not(Rule::Unread)).unwrap();
    let by_place = [vec![not[0]; depth], not[1..].to_vec()].concat();
    let by_name = [b"\x81\xa3not".repeat(depth), b"\xa6unread".to_vec()].concat();
    [by_place, by_name]
}

fn read(bytes: &[Vec<u8>; 2]) -> [Option<Rule>; 2] {
    [postcard::from_bytes(&bytes[0]).ok(), rmp_serde::from_slice(&bytes[1]).ok()]
}

#[test]
fn a_rule_that_would_exhaust_the_stack_is_not_read() {
    for _ in 0..3 {
        assert_eq!(read(&nested(100_000)), [None, None]);
        assert_eq!(read(&nested(128)), [None, None]);
        // What was refused leaves nothing behind.
        assert!(read(&nested(127)).iter().all(Option::is_some));
    }
    let side_by_side = Rule::all(vec![Rule::any([Rule::not(Rule::Unread)]); 1_000]);
    assert_round_trip(&side_by_side).unwrap();
}

#[test]
fn a_rule_that_is_a_little_too_deep_is_refused_with_the_id_of_its_filter() {
    let oak = visibly::Organization::new("oak", "Oak Street").teammate(visibly::Teammate::new("ana", "Ana"));
    let mut engine = Engine::new(visibly::Dataset::new(oak)).unwrap();
    for rule in read(&nested(MAX_RULE_DEPTH)) {
        let filter = Filter::conversations("deep", "Deep", "ana", rule.unwrap());
        let error = engine.apply(&Change::PutFilter(filter)).unwrap_err();
        assert_eq!((error.code(), error.id()), (ErrorCode::RuleTooDeep, "deep"));
    }
}
