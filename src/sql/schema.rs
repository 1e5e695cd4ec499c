//! Names of tables and columns: the schema that the SQL runs on.

use std::borrow::Cow;

use sea_query::{Expr, TableRef};

use super::expr;

/// The name of a table or column as the database has it, unquoted; any text, for it is quoted where it is written.
pub type Name = Cow<'static, str>;

/// Declares one struct of names per table, and [`Schema`] with all of them, each name as the reference schema has it.
macro_rules! schema {
    ($($(#[$doc:meta])* $table:ident: $type:ident { $($(#[$column_doc:meta])* $column:ident = $name:literal,)+ })+) => {
        /// The tables and columns that questions are asked of, by name.
        ///
        /// The default is the schema of the reference stores. For a schema of one's own, set the fields; what is left
        /// alone keeps its default name. Views serve as well as tables.
        ///
        /// What the columns hold is fixed:
        /// * Ids, tags and the words below are text that compares byte by byte (PostgreSQL: any deterministic
        ///   collation; SQLite: `BINARY`), times are integers of 64 bits, milliseconds since 1970, and flags are
        ///   `boolean` in PostgreSQL and 0 or 1 in SQLite.
        /// * A member is two columns: the words `organization`, `team` or `teammate`, and the id of the team or
        ///   teammate (anything, also `NULL`, for the organization). An assignee is the same, `NULL` for nobody.
        /// * Kinds, categories, invitations are the words of the JSON format, such as `patient`, `spruce_link`,
        ///   `not_invited`.
        /// * Only the endpoint and the assignee of a conversation, the name key and the id of a member that
        ///   is the organization may be `NULL`. `NULL` elsewhere opens nothing to anyone.
        ///
        /// # Examples
        /// ```
        /// use visibly::sql::Schema;
        ///
        /// let mut schema = Schema::default();
        /// schema.namespace = Some("clinic".into());
        /// schema.conversations.table = "threads".into();
        /// schema.conversations.archived = "is_closed".into();
        /// assert_eq!(schema.conversations.id, "id");
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub struct Schema {
            /// The namespace of all tables (in PostgreSQL a schema, in SQLite an attached database); without one the
            /// connection's search path finds them.
            pub namespace: Option<Name>,
            /// The column of [`contacts`](Self::contacts) with the name in lower case as [`name_key`](super::name_key)
            /// gives it, `NULL` for none. No database lower-cases as Unicode says, so the order of contact lists
            /// (SPEC 5.10) needs this column; without one, ordered lists are not expressible.
            pub contact_name_key: Option<Name>,
            $($(#[$doc])* pub $table: $type,)+
        }

        impl Default for Schema {
            fn default() -> Self {
                Self { namespace: None, contact_name_key: None, $($table: $type::default(),)+ }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub struct $type {
                /// The table itself.
                pub table: Name,
                $($(#[$column_doc])* pub $column: Name,)+
            }

            impl Default for $type {
                fn default() -> Self {
                    Self { table: Cow::Borrowed(stringify!($table)), $($column: Cow::Borrowed($name),)+ }
                }
            }

            impl $type {
                /// The name under which our own queries speak of the table.
                pub(crate) const ALIAS: &'static str = concat!("visibly_", stringify!($table));

                /// One of its columns, of the table under that name.
                pub(crate) fn its(&self, column: &Name) -> Expr {
                    expr::col(Self::ALIAS, column)
                }

                /// The table under that name.
                pub(crate) fn within(&self, schema: &Schema) -> TableRef {
                    expr::table(schema.namespace.as_ref(), &self.table, Self::ALIAS)
                }
            }
        )+
    };
}

schema! {
    /// The organizations, one row each.
    organizations: Organizations {
        /// Its id.
        id = "organization_id",
        /// Flag: contact membership is on (SPEC 4.1).
        contact_membership = "contact_membership",
    }
    /// The teammates, one row each.
    teammates: Teammates {
        /// The organization.
        organization_id = "organization_id",
        /// Its id.
        id = "id",
        /// Flag (SPEC 1.4).
        admin = "admin",
        /// Flag (SPEC 1.2).
        suspended = "suspended",
    }
    /// The teams, one row each.
    teams: Teams {
        /// The organization.
        organization_id = "organization_id",
        /// Its id.
        id = "id",
    }
    /// Who is in a team, one row per teammate.
    team_members: TeamMembers {
        /// The organization.
        organization_id = "organization_id",
        /// The team.
        team_id = "team_id",
        /// The teammate.
        teammate_id = "teammate_id",
    }
    /// The endpoints, one row each.
    endpoints: Endpoints {
        /// The organization.
        organization_id = "organization_id",
        /// Its id.
        id = "id",
        /// `spruce_link`, `phone_number`, `fax_number` or `email_address`.
        kind = "kind",
        /// What its owner is.
        owner_kind = "owner_kind",
        /// Which team or teammate its owner is.
        owner_id = "owner_id",
    }
    /// The additional members of endpoints, one row each.
    endpoint_members: EndpointMembers {
        /// The organization.
        organization_id = "organization_id",
        /// The endpoint.
        endpoint_id = "endpoint_id",
        /// What the member is.
        member_kind = "member_kind",
        /// Which team or teammate it is.
        member_id = "member_id",
    }
    /// The contacts, one row each.
    contacts: Contacts {
        /// The organization.
        organization_id = "organization_id",
        /// Its id.
        id = "id",
        /// `patient`, `professional`, `clinic` or `unsaved`.
        category = "category",
        /// `not_invited`, `invited` or `has_account`.
        invitation = "invitation",
    }
    /// To whom contacts are open, one row per member.
    contact_members: ContactMembers {
        /// The organization.
        organization_id = "organization_id",
        /// The contact.
        contact_id = "contact_id",
        /// What the member is.
        member_kind = "member_kind",
        /// Which team or teammate it is.
        member_id = "member_id",
    }
    /// The tags of contacts, one row each.
    contact_tags: ContactTags {
        /// The organization.
        organization_id = "organization_id",
        /// The contact.
        contact_id = "contact_id",
        /// The tag.
        tag = "tag",
    }
    /// The conversations, one row each.
    conversations: Conversations {
        /// The organization.
        organization_id = "organization_id",
        /// Its id.
        id = "id",
        /// `patient`, `team` or `note`.
        kind = "kind",
        /// The endpoint it runs over, `NULL` for none.
        endpoint_id = "endpoint_id",
        /// `team` or `teammate`, `NULL` if it is assigned to nobody.
        assignee_kind = "assignee_kind",
        /// Which team or teammate it is assigned to.
        assignee_id = "assignee_id",
        /// Flag.
        archived = "archived",
        /// When the last message came or went, in milliseconds since 1970.
        last_activity = "last_activity",
    }
    /// The contacts attached to conversations, one row each.
    conversation_contacts: ConversationContacts {
        /// The organization.
        organization_id = "organization_id",
        /// The conversation.
        conversation_id = "conversation_id",
        /// The contact.
        contact_id = "contact_id",
    }
    /// Who was let into conversations, one row per member.
    conversation_members: ConversationMembers {
        /// The organization.
        organization_id = "organization_id",
        /// The conversation.
        conversation_id = "conversation_id",
        /// What the member is.
        member_kind = "member_kind",
        /// Which team or teammate it is.
        member_id = "member_id",
    }
    /// The tags of conversations, one row each.
    conversation_tags: ConversationTags {
        /// The organization.
        organization_id = "organization_id",
        /// The conversation.
        conversation_id = "conversation_id",
        /// The tag.
        tag = "tag",
    }
    /// Who has read conversations since their last message, one row per teammate.
    conversation_reads: ConversationReads {
        /// The organization.
        organization_id = "organization_id",
        /// The conversation.
        conversation_id = "conversation_id",
        /// The teammate.
        teammate_id = "teammate_id",
    }
    /// Who has starred conversations, one row per teammate.
    conversation_stars: ConversationStars {
        /// The organization.
        organization_id = "organization_id",
        /// The conversation.
        conversation_id = "conversation_id",
        /// The teammate.
        teammate_id = "teammate_id",
    }
    /// The saved filters, one row each. Rules are not read from here.
    filters: Filters {
        /// The organization.
        organization_id = "organization_id",
        /// Its id.
        id = "id",
        /// The teammate it belongs to.
        owner_id = "owner_id",
    }
    /// Whom filters are shared with, one row per member.
    filter_shares: FilterShares {
        /// The organization.
        organization_id = "organization_id",
        /// The filter.
        filter_id = "filter_id",
        /// What the member is.
        member_kind = "member_kind",
        /// Which team or teammate it is.
        member_id = "member_id",
    }
}
