//! The first program: a clinic of three, who sees what, and what is in an inbox.
//!
//! `cargo run --example first_program` prints nothing; every answer is asserted.

use visibly::{
    Change, Conversation, ConversationId, Dataset, Engine, Error, Inbox, Member, Organization, PageRequest,
    PhoneNumber, SpruceLink, Teammate, TeammateId,
};

fn main() -> Result<(), Error> {
    // A phone number belongs to the whole organization unless said otherwise; the link is Ben's own.
    let oak = Organization::new("oak", "Oak Street")
        .teammate(Teammate::new("ana", "Dr. Ana Ruiz").admin())
        .teammate(Teammate::new("ben", "Ben Okafor, therapist"))
        .teammate(Teammate::new("priya", "Priya Shah, front desk"))
        .endpoint(PhoneNumber::new("main-line"))
        .endpoint(SpruceLink::new("ben-link").owned_by(Member::teammate("ben")));
    let facts = Dataset::new(oak)
        .conversation(Conversation::patient("refill", "main-line", 1_000))
        .conversation(Conversation::patient("therapy", "ben-link", 2_000));
    let mut engine = Engine::new(facts)?;

    // Who can see this conversation? Being an admin opens none.
    let [ana, ben] = ["ana", "ben"].map(TeammateId::from);
    let [refill, therapy] = ["refill", "therapy"].map(ConversationId::from);
    assert!(engine.can_view(&ana, &refill));
    assert!(!engine.can_view(&ana, &therapy));
    assert_eq!(engine.audience(&therapy)?, [ben.clone()]);

    // What is in Ben's inbox? The latest first, here in pages of one.
    let (mut inbox, mut request) = (Vec::new(), Some(PageRequest::first(1)));
    while let Some(page) = request.take() {
        let page = engine.viewer(&ben)?.filter_inbox(&Inbox::All, &page)?;
        inbox.extend(page.rows.iter().map(|row| row.id().to_string()));
        request = page.next.map(|cursor| PageRequest::first(1).after(cursor));
    }
    assert_eq!(inbox, ["therapy", "refill"]);

    // Once assigned, a conversation leaves `all` and waits for its assignee; who can see it stays the same.
    engine.apply(&Change::assign("refill", Member::teammate("priya")))?;
    assert_eq!(engine.viewer(&ben)?.badge(&Inbox::All)?.total, 1);
    assert!(engine.can_view(&ben, &refill));

    // What would it open if Ana covered for Ben? A preview tells, and applies nothing.
    let cover = Change::AddConversationMember { id: therapy.clone(), member: Member::teammate("ana") };
    let opened = engine.preview(&[cover])?;
    assert_eq!(
        serde_json::json!(opened),
        serde_json::json!([{"viewer": "ana", "conversation": "therapy", "effect": "gained"}])
    );
    assert!(!engine.can_view(&ana, &therapy));
    Ok(())
}

#[test]
fn every_answer_is_as_asserted() -> Result<(), Error> {
    main()
}
