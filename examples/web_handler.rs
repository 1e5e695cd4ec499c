//! How a service answers its teammates: one engine behind a lock, a snapshot for each request, JSON in and out.
//!
//! `cargo run --example web_handler` prints nothing; every answer is asserted. No web framework: a handler takes who
//! asks, as the service's own sign-in has established it, and what the request says, and gives a status and a body.

use std::sync::{PoisonError, RwLock};

use serde_json::{Value, json};
use visibly::{
    Change, Contact, Conversation, ConversationId, Cursor, CursorKey, Dataset, Engine, Error, ErrorCode, Inbox, Member,
    Organization, PageRequest, PhoneNumber, SpruceLink, Teammate, TeammateId,
};

/// The largest page that a client gets, whatever it asks for.
const LARGEST_PAGE: usize = 100;

/// What every request shares.
struct Service {
    engine: RwLock<Engine>,
}

/// A status and a body.
type Response = (u16, Value);

impl Service {
    /// The key comes from where the service has its other secrets, for cursors stand in URLs, and URLs in logs.
    fn new(dataset: Dataset, key: CursorKey) -> Result<Self, Error> {
        Ok(Self { engine: RwLock::new(Engine::new(dataset)?.with_cursor_key(key)) })
    }

    /// The facts as they are now. A clone keeps its revision, so the lock is held for no longer than cloning takes,
    /// and a slow reader never keeps a writer waiting. Nothing that a caller sends panics the engine, so that even a
    /// poisoned lock guards sound facts.
    fn snapshot(&self) -> Engine {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `GET /inbox?inbox=INBOX&size=N&after=CURSOR`: one page, and the cursor for the next.
    fn get_inbox(&self, viewer: &TeammateId, inbox: &str, size: usize, after: Option<&str>) -> Response {
        let inbox = match Inbox::from_json(inbox) {
            Ok(inbox) => inbox,
            Err(error) => return bad_request(&format!("not an inbox: {error}")),
        };
        let request = PageRequest::first(size.min(LARGEST_PAGE));
        let request = match after {
            Some(cursor) => request.after(Cursor::from(cursor)),
            None => request,
        };
        let engine = self.snapshot();
        let Ok(viewer) = engine.viewer(viewer) else {
            return forbidden();
        };
        match viewer.filter_inbox(&inbox, &request) {
            // Without the revision: it counts everybody's changes, and would tell a viewer of what is hidden.
            Ok(page) => (200, json!({"rows": page.rows, "next": page.next})),
            Err(error) => no_page(&error),
        }
    }

    /// `GET /conversations/ID`: what is hidden from the viewer is answered like what does not exist.
    fn get_conversation(&self, viewer: &TeammateId, id: &ConversationId) -> Response {
        let engine = self.snapshot();
        match engine.viewer(viewer) {
            Ok(viewer) => viewer.conversation(id).map_or_else(not_found, |row| (200, json!(row))),
            Err(_) => forbidden(),
        }
    }

    /// `POST /changes`: who may, then what is valid, then applied, all under one lock, so that nothing comes between.
    ///
    /// A service that keeps its facts in a database appends the change there before it lets go of the lock.
    fn post_change(&self, actor: &TeammateId, body: &str) -> Response {
        let change = match Change::from_json(body) {
            Ok(change) => change,
            Err(error) => return bad_request(&format!("not a change: {error}")),
        };
        let mut engine = self.engine.write().unwrap_or_else(PoisonError::into_inner);
        let Ok(viewer) = engine.viewer(actor) else {
            return forbidden();
        };
        if !is_for_teammates(&change) {
            return not_found();
        }
        if !engine.authorize(actor, &change) {
            // Hidden and unknown are one answer: what is forbidden is told of what the actor sees alone.
            let is_found = change.resources().into_iter().all(|named| viewer.can_view(named));
            return if is_found { forbidden() } else { not_found() };
        }
        match engine.apply(&change) {
            Ok(_) => (200, json!({"applied": true})),
            Err(error) => (409, json!({"error": error.code().as_str()})),
        }
    }
}

/// What this service lets teammates send as it is. What brings something new, or a message, it makes itself, with ids
/// and times of its own: an id that is taken, hidden or not, would be refused as such.
fn is_for_teammates(change: &Change) -> bool {
    matches!(
        change,
        Change::Assign { .. }
            | Change::Archive { .. }
            | Change::Unarchive { .. }
            | Change::TagConversations { .. }
            | Change::MarkRead { .. }
            | Change::MarkUnread { .. }
            | Change::Star { .. }
            | Change::Unstar { .. }
    )
}

/// A team's inbox or a saved filter that is not the viewer's is answered like one that does not exist.
fn no_page(error: &Error) -> Response {
    match error.code() {
        ErrorCode::UnknownTeam | ErrorCode::NotInTeam | ErrorCode::UnknownFilter => not_found(),
        code => bad_request(code.as_str()),
    }
}

/// Whoever is signed in, but suspended or not of this organization; and what is not theirs to do with what they see.
fn forbidden() -> Response {
    (403, json!({"error": "forbidden"}))
}

fn bad_request(what: &str) -> Response {
    (400, json!({"error": what}))
}

fn not_found() -> Response {
    (404, json!({"error": "not found"}))
}

/// A shared line with two conversations, and one on a therapist's own link.
fn oak_street() -> Dataset {
    let oak = Organization::new("oak", "Oak Street")
        .with_contact_membership()
        .teammate(Teammate::new("ana", "Dr. Ana Ruiz").admin())
        .teammate(Teammate::new("ben", "Ben Okafor, therapist"))
        .teammate(Teammate::new("priya", "Priya Shah, front desk"))
        .teammate(Teammate::new("gil", "Gil Sandoval").suspended())
        .endpoint(PhoneNumber::new("main-line"))
        .endpoint(SpruceLink::new("ben-link").owned_by(Member::teammate("ben")));
    Dataset::new(oak)
        .contact(Contact::new("nora").named("Nora Quist").members([Member::teammate("ben")]))
        .conversation(Conversation::patient("refill", "main-line", 1_000))
        .conversation(Conversation::patient("callback", "main-line", 2_000).contact("nora"))
        .conversation(Conversation::patient("therapy", "ben-link", 3_000).contact("nora"))
}

#[expect(clippy::indexing_slicing, reason = "indexing a `Value` gives `null` where there is nothing")]
fn main() -> Result<(), Error> {
    let service = Service::new(oak_street(), CursorKey::from(*b"not for patients"))?;
    let [ana, ben, priya, gil] = ["ana", "ben", "priya", "gil"].map(TeammateId::from);

    // Priya pages her inbox. Nora is not open to her, so the first conversation shows no contact, not even its id.
    let (status, first) = service.get_inbox(&priya, r#""all""#, 1, None);
    assert_eq!(status, 200);
    assert_eq!(first["rows"][0]["id"], "callback");
    assert_eq!(first["rows"][0]["contacts"], json!(["hidden"]));
    let (_, second) = service.get_inbox(&priya, r#""all""#, 1, first["next"].as_str());
    assert_eq!(second["rows"][0]["id"], "refill");
    assert_eq!(second["next"], Value::Null);

    // A cursor is good for its own viewer and list, and under its own key; an inbox that is none, or not Priya's, is no
    // page.
    assert_eq!(service.get_inbox(&ben, r#""all""#, 1, first["next"].as_str()).0, 400);
    let elsewhere = Service::new(oak_street(), CursorKey::default())?;
    assert_eq!(elsewhere.get_inbox(&priya, r#""all""#, 1, first["next"].as_str()).0, 400);
    assert_eq!(service.get_inbox(&priya, "unread", 1, None).0, 400);
    assert_eq!(service.get_inbox(&priya, r#"{"saved": "ben-own"}"#, 1, None), not_found());

    // Hidden and unknown are one answer, for admins as for everyone; so are suspended and unknown teammates.
    let [therapy, nothing] = ["therapy", "nothing"].map(ConversationId::from);
    assert_eq!(service.get_conversation(&ben, &therapy).0, 200);
    assert_eq!(service.get_conversation(&ana, &therapy), not_found());
    assert_eq!(service.get_conversation(&ana, &nothing), not_found());
    assert_eq!(service.get_conversation(&gil, &therapy), forbidden());
    assert_eq!(service.get_conversation(&"zoe".into(), &therapy), forbidden());

    // A change is authorized, then applied. What it refuses leaves the revision as it was.
    let assign = r#"{"assign": {"id": "refill", "to": {"teammate": "ben"}}}"#;
    let before = service.snapshot();
    assert_eq!(service.post_change(&priya, assign), (200, json!({"applied": true})));
    assert_eq!(before.revision().get(), 0);
    assert_eq!(service.get_inbox(&ben, r#""assigned_to_me""#, 10, None).1["rows"][0]["id"], "refill");
    assert_eq!(service.post_change(&priya, r#"{"archive": {"id": "therapy"}}"#), not_found());
    assert_eq!(service.post_change(&priya, r#"{"archive": {"id": "nothing"}}"#), not_found());
    assert_eq!(service.post_change(&priya, r#"{"star": {"id": "callback", "by": "ben"}}"#), forbidden());
    assert_eq!(service.post_change(&priya, r#"{"star": {"id": "therapy", "by": "ben"}}"#), not_found());
    assert_eq!(service.post_change(&priya, r#"{"set_contact_membership": false}"#), not_found());
    let message = r#"{"receive_message": {"id": "refill", "at": 9000000000000}}"#;
    assert_eq!(service.post_change(&priya, message), not_found());
    let assign_outside = r#"{"assign": {"id": "therapy", "to": {"teammate": "ana"}}}"#;
    assert_eq!(service.post_change(&ben, assign_outside), (409, json!({"error": "assignee_cannot_view"})));
    assert_eq!(service.post_change(&ben, "{").0, 400);
    assert_eq!(service.snapshot().revision().get(), 1);
    Ok(())
}

#[test]
fn every_answer_is_as_asserted() -> Result<(), Error> {
    main()
}
