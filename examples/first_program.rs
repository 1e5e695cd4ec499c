//! The first program: a clinic of three, who sees what, and what is in an inbox.
//!
//! `cargo run --example first_program` prints nothing; every answer is asserted.

use visibly::{
    AccessChange, AccessEffect, Change, Conversation, ConversationId, Dataset, Engine, Error, Inbox, Member,
    Organization, PageRequest, PhoneNumber, SpruceLink, Subject, Teammate, TeammateId,
};

fn main() -> Result<(), Error> {
    // A line belongs to the whole organization unless said otherwise; the link is Ben's own.
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
    assert!(engine.can_view(&ben, &therapy));
    assert!(!engine.can_view(&ana, &therapy));

    // What is in Ben's inbox? The latest first, here in pages of one.
    let mut inbox = Vec::new();
    let mut next = Some(PageRequest::first(1));
    while let Some(request) = next {
        let page = engine.viewer(&ben)?.filter_inbox(&Inbox::All, &request)?;
        inbox.extend(page.rows.iter().map(|row| row.id().clone()));
        next = page.next.map(|cursor| PageRequest::first(1).after(cursor));
    }
    assert_eq!(inbox, [therapy.clone(), refill.clone()]);

    // Once assigned, a conversation leaves `all` and waits for its assignee; who can see it stays the same.
    engine.apply(&Change::assign(&refill, Member::teammate("priya")))?;
    assert_eq!(engine.viewer(&ben)?.badge(&Inbox::All)?.total, 1);
    assert!(engine.can_view(&ben, &refill));

    // What would it open to let Ana into the therapy? A preview tells, and applies nothing.
    let let_ana_in = Change::AddConversationMember { id: therapy.clone(), member: Member::teammate("ana") };
    let opened = engine.preview(&[let_ana_in])?;
    let subject = Subject::Conversation(therapy.clone());
    assert_eq!(opened, [AccessChange { viewer: ana.clone(), subject, effect: AccessEffect::Gained }]);
    assert!(!engine.can_view(&ana, &therapy));
    Ok(())
}

#[test]
fn every_answer_is_as_asserted() -> Result<(), Error> {
    main()
}
