//! Who can see this, and what is in this inbox: access control for clinic messaging, embedded in your service.
//!
//! A clinic's conversations come in over phone lines, fax numbers, email addresses and links. Some belong to everyone,
//! some to a team, some to one therapist and nobody else. This crate keeps the facts that decide about that and answers,
//! for every list, count, search and page alike, what one teammate may see. It holds no sockets, files or clocks, starts
//! no threads but for the features `rayon` and `store-kit`, and asks for no policy language and no schema: facts go in as
//! plain values, answers come out.
//!
//! ```
//! use visibly::{
//!     AccessChange, AccessEffect, Change, Conversation, ConversationId, Dataset, Engine, Error, Inbox, Member,
//!     Organization, PageRequest, PhoneNumber, SpruceLink, Subject, Teammate, TeammateId,
//! };
//!
//! fn main() -> Result<(), Error> {
//!     // A line belongs to the whole organization unless said otherwise; the link is Ben's own.
//!     let oak = Organization::new("oak", "Oak Street")
//!         .teammate(Teammate::new("ana", "Dr. Ana Ruiz").admin())
//!         .teammate(Teammate::new("ben", "Ben Okafor, therapist"))
//!         .teammate(Teammate::new("priya", "Priya Shah, front desk"))
//!         .endpoint(PhoneNumber::new("main-line"))
//!         .endpoint(SpruceLink::new("ben-link").owned_by(Member::teammate("ben")));
//!     let facts = Dataset::new(oak)
//!         .conversation(Conversation::patient("refill", "main-line", 1_000))
//!         .conversation(Conversation::patient("therapy", "ben-link", 2_000));
//!     let mut engine = Engine::new(facts)?;
//!
//!     // Who can see this conversation? Being an admin opens none.
//!     let [ana, ben] = ["ana", "ben"].map(TeammateId::from);
//!     let [refill, therapy] = ["refill", "therapy"].map(ConversationId::from);
//!     assert!(engine.can_view(&ana, &refill));
//!     assert!(engine.can_view(&ben, &therapy));
//!     assert!(!engine.can_view(&ana, &therapy));
//!
//!     // What is in Ben's inbox? The latest first, here in pages of one.
//!     let mut inbox = Vec::new();
//!     let mut next = Some(PageRequest::first(1));
//!     while let Some(request) = next {
//!         let page = engine.viewer(&ben)?.filter_inbox(&Inbox::All, &request)?;
//!         inbox.extend(page.rows.iter().map(|row| row.id().clone()));
//!         next = page.next.map(|cursor| PageRequest::first(1).after(cursor));
//!     }
//!     assert_eq!(inbox, [therapy.clone(), refill.clone()]);
//!
//!     // Once assigned, a conversation leaves `all` and waits for its assignee; who can see it stays the same.
//!     engine.apply(&Change::assign(&refill, Member::teammate("priya")))?;
//!     assert_eq!(engine.viewer(&ben)?.badge(&Inbox::All)?.total, 1);
//!     assert!(engine.can_view(&ben, &refill));
//!
//!     // What would it open to let Ana into the therapy? A preview tells, and applies nothing.
//!     let let_ana_in = Change::AddConversationMember { id: therapy.clone(), member: Member::teammate("ana") };
//!     let opened = engine.preview(&[let_ana_in])?;
//!     let subject = Subject::Conversation(therapy.clone());
//!     assert_eq!(opened, [AccessChange { viewer: ana.clone(), subject, effect: AccessEffect::Gained }]);
//!     assert!(!engine.can_view(&ana, &therapy));
//!     Ok(())
//! }
//! ```
//!
//! # Map
//!
//! | To | use |
//! |---|---|
//! | state the facts | [`Dataset`] of an [`Organization`] ([`Teammate`], [`Team`], endpoints such as [`PhoneNumber`] and [`SpruceLink`]), [`Contact`], [`Conversation`], [`Filter`]; [`Dataset::faults`] before records are brought in |
//! | keep them and ask | [`Engine`]; [`EngineBuilder`] where they come one by one |
//! | serve one teammate | [`Engine::viewer`], then [`Viewer::inboxes`], [`Viewer::filter_inbox`], [`Viewer::badges`], [`Viewer::search`], [`Viewer::contacts`], [`Viewer::can`] |
//! | say what is listed | [`Inbox`], [`ContactList`], [`Rule`]; [`PageRequest`] and [`Cursor`] for the part of it |
//! | change something | [`Change`]: [`Engine::authorize`] for the one who makes it ([`Change::resources`]: not found or forbidden), [`Engine::apply`], [`Engine::apply_all`] |
//! | explain | [`Decision`] with its [`Grant`]s or [`Denial`]; [`Viewer::placement`], [`Viewer::keeps_out`] |
//! | look at everyone | [`Engine::audience`], [`Engine::preview`], [`Engine::audit`]: for admins, see below |
//! | scan | [`Engine::map_viewers`] for an audit of everyone, [`Engine::previews`] of many alternatives: as above |
//! | ask in bulk | [`Viewer::prepare`] once, then [`PreparedInbox::newest`]; [`RowId`], [`Viewer::visible`], [`Engine::audience_of`] |
//! | keep them in a database | [`store`]: [`store::Source`], [`store::Journal`], [`store::Replica`] |
//! | read the rules | [`policy`]: the same answers as plain functions over [`Facts`], one decision at a time |
//!
//! All facts and changes are serde's too, in one JSON spelling. Numbers such as SPEC 3.1 are those of the rules in
//! full, `tests/conformance/SPEC.md` in the repository.
//!
//! # How decisions are made
//!
//! - **Nothing is seen unless something lets the viewer in.** There are grants and no denials to rank: several grants
//!   open no more than one, all of them are told, and their order never matters.
//! - **A conversation** is seen by whom its endpoint's owner or additional members cover, or its own members. Team
//!   conversations and notes have members alone. Being admin opens none. Assignment, archive, tags and filters decide
//!   where it is listed, never who sees it.
//! - **A contact** is open to everyone while contact membership is off; while on, to admins and whom its members cover.
//!   Seeing a conversation does not open its contact: that is then hidden, and filters, counts and order behave as if it
//!   were not attached.
//! - **Current facts decide**, for past messages too: whoever is taken out loses the history, whoever is added has it.
//! - **Empty.** A list of members that is empty lets nobody in (of a contact: admins alone). A team without active
//!   teammates covers nobody. In a rule `any` of nothing is false, `all` and `none` of nothing are true. An inbox with
//!   nothing in it is an empty page; a page of size 0 is refused.
//! - **Unknown.** An unknown or suspended viewer sees nothing: "no" where a question is whether, an [`Error`] where it
//!   is a list. An unknown resource is answered like a hidden one. Ids in a rule that no longer exist match nothing.
//! - **Conflicting.** One grant is enough, whatever else is missing. What a list of tags both adds and removes is
//!   removed. An assignment to somebody who cannot see the conversation is refused, unless the change says that it
//!   lets them in. A later change is checked against what earlier ones left.
//! - **Failing.** A dataset or change with a fault is refused whole, with an [`Error`] that names the [`ErrorCode`] and
//!   the id; facts and [`Revision`] stay as they were. A denial is an answer, not an error. What callers send does not
//!   panic. Errors and `Debug` texts carry ids, never names, tags or content.
//! - **At one time.** A [`Viewer`] borrows its engine and a clone is a snapshot: all its answers are of one revision.
//!
//! # What is safe to show
//!
//! What a [`Viewer`] answers is for its teammate and safe to show them, but for three things. One is why something was
//! *denied*: [`Denial`] tells what is hidden from what does not exist, so it is for logs and admins; show
//! [`Viewer::can_view`]. Another is the rule of a saved filter ([`Viewer::filters`]): it may name contacts
//! that are hidden from the viewer, so show the filter's id and name. The third is a [`RowId`], which tells how many
//! conversations there are.
//! [`Engine::audience`], [`Engine::preview`], [`Engine::previews`], [`Engine::audit`], what [`Engine::map_viewers`]
//! gathers and [`Engine::decide`] for somebody else speak of everyone; and look-ups such as [`Engine::conversation`]
//! ask for no viewer. Show these to those whom you trust with that. A [`Revision`] counts everybody's changes: do not show
//! viewers that either. A [`Cursor`] goes to clients as it is: see [`CursorKey`] for what it resists.
//!
//! # Features
//!
//! None is on by default. `json`: datasets, and what clients send, from JSON, with errors that name the path to the fault
//! and quote nothing. `rayon`: scans on
//! every core. `sql`: the same questions as SQL for PostgreSQL and SQLite. `store-kit`: the contract of a store, for
//! tests of your own.

pub mod policy;
#[cfg(feature = "sql")]
pub mod sql;
pub mod store;

mod change;
mod engine;
mod error;
mod model;
mod work;

pub use change::{AccessChange, AccessEffect};
pub use engine::{
    Audience, ContactRow, ConversationRow, Cursor, CursorKey, Engine, EngineBuilder, Page, PageRequest, PreparedInbox,
    Revision, RowId, Viewer,
};
pub use error::{Error, ErrorCode, ParseError};
#[cfg(feature = "json")]
pub use model::JsonError;
pub use model::{
    ArchiveScope, AssigneePick, Change, Channel, Contact, ContactCategory, ContactId, ContactList, ContactUpdate,
    Conversation, ConversationId, ConversationKind, Dataset, EmailAddress, Endpoint, EndpointId, EndpointKind, Facts,
    FaxNumber, Filter, FilterId, Inbox, Invitation, Lists, MAX_RULE_DEPTH, Member, Organization, OrganizationId,
    PhoneNumber, Pick, Rule, SpruceLink, Tag, TagSet, Team, TeamId, Teammate, TeammateId, TeammateUpdate, Text,
    Timestamp,
};
pub use policy::{
    Action, Badge, ContactAction, ConversationAction, Decision, Denial, EndpointAction, FilterAction, Finding,
    FindingKind, Grant, KeptOut, Resource, ShownContact, Subject,
};

/// The code in README compiles and holds.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
