//! The clinic that the service examples start with.

#![allow(dead_code, reason = "the programs that share this use a part each")]

use std::hash::{BuildHasher, RandomState};

use visibly::store::ReplicaId;
use visibly::{Contact, Conversation, Dataset, Engine, Error, Member, Organization, PhoneNumber, Team, Teammate};

/// Two people at the front desk and a physician with a line of her own.
pub(crate) fn clinic() -> Result<Engine, Error> {
    let desk = || Member::team("desk");
    let oak = Organization::new("oak", "Oak Street")
        .teammate(Teammate::new("ana", "Ana").admin())
        .teammate(Teammate::new("ben", "Ben"))
        .teammate(Teammate::new("dr-lee", "Dr. Lee"))
        .team(Team::new("desk", "Front desk", ["ana", "ben"]))
        .endpoint(PhoneNumber::new("main").owned_by(desk()).auto_assign_to(desk()))
        .endpoint(PhoneNumber::new("lee").owned_by(Member::teammate("dr-lee")));
    let clinic = Dataset::new(oak)
        .contact(Contact::new("mia").named("Mia").tag("diabetes"))
        .conversation(Conversation::patient("intake", "main", 10).contact("mia"))
        .conversation(Conversation::patient("results", "lee", 20).contact("mia"));
    Engine::new(clinic)
}

/// An id that no other start of a process has: the keys of a hasher are random.
pub(crate) fn new_replica_id() -> ReplicaId {
    let random = || u128::from(RandomState::new().hash_one(()));
    ReplicaId::new(random() << 64 | random())
}
