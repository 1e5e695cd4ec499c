//! A small clinic for replicas to work on.

use visibly::{Conversation, Dataset, Engine, Organization, PhoneNumber, Teammate};

/// Two admins, one who is none, one line that all share, conversations `c0` to `c9`.
pub(crate) fn clinic(id: &str) -> Engine {
    let organization = Organization::new(id, "Clinic")
        .teammate(Teammate::new("ana", "Ana").admin())
        .teammate(Teammate::new("zed", "Zed").admin())
        .teammate(Teammate::new("ben", "Ben"))
        .endpoint(PhoneNumber::new("main"));
    let conversations = (0..10).map(|number| Conversation::patient(format!("c{number}"), "main", number));
    Engine::new(conversations.fold(Dataset::new(organization), Dataset::conversation)).unwrap()
}
