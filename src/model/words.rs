//! The words for a value that is one of a few: those of serde, for columns of a database and for people's logs.

/// Gives a type its words, one way and back. They are those that serde derives, which a test of this module holds.
macro_rules! words {
    ($name:ident, $what:literal, $example:literal, { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            #[doc = concat!("The word for it in JSON, such as `", $example, "`; fit for a column of a table.")]
            ///
            /// `Display` gives it too, and `FromStr` reads it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::error::ParseError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(crate::error::ParseError::new($what)),
                }
            }
        }

        #[cfg(test)]
        impl $crate::model::Worded for $name {
            const ALL: &[Self] = &[$(Self::$variant),+];
        }
    };
}

pub(crate) use words;

/// What [`words`] gave a type, for the test.
#[cfg(test)]
pub(crate) trait Worded: Sized + 'static {
    const ALL: &[Self];
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};
    use std::str::FromStr;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::Worded;
    use crate::error::ParseError;
    use crate::{
        ArchiveScope, Channel, ContactAction, ContactCategory, ConversationAction, ConversationKind, EndpointAction,
        EndpointKind, FilterAction, Invitation, Lists,
    };

    fn assert_words_are_those_of_serde<T>()
    where
        T: Worded + Copy + Debug + Display + PartialEq + Serialize + DeserializeOwned + FromStr<Err = ParseError>,
    {
        for value in T::ALL {
            let word = value.to_string();
            assert_eq!(serde_json::to_value(value).unwrap(), serde_json::json!(word));
            assert_eq!(word.parse(), Ok(*value));
        }
        assert!("Patient ".parse::<T>().is_err());
    }

    #[test]
    fn words_are_those_of_serde() {
        assert_words_are_those_of_serde::<ArchiveScope>();
        assert_words_are_those_of_serde::<Channel>();
        assert_words_are_those_of_serde::<ContactAction>();
        assert_words_are_those_of_serde::<ContactCategory>();
        assert_words_are_those_of_serde::<ConversationAction>();
        assert_words_are_those_of_serde::<ConversationKind>();
        assert_words_are_those_of_serde::<EndpointAction>();
        assert_words_are_those_of_serde::<EndpointKind>();
        assert_words_are_those_of_serde::<FilterAction>();
        assert_words_are_those_of_serde::<Invitation>();
        assert_words_are_those_of_serde::<Lists>();
    }
}
