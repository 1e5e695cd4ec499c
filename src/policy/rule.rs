//! What a rule matches (SPEC 5.7): one arm a leaf.

use super::access::finds;
use crate::model::{
    AssigneePick, Contact, Conversation, Endpoint, Facts, Member, Pick, Rule, Tag, TagSet, TeamId, Teammate,
};

/// Whether a conversation that the viewer sees matches the rule, over the contacts that the viewer may view (4.4).
pub(crate) fn matches_conversation(facts: &Facts, viewer: &Teammate, conversation: &Conversation, rule: &Rule) -> bool {
    Candidate {
        facts,
        viewer,
        contacts: viewable_contacts(facts, viewer, conversation),
        conversation: Some(conversation),
    }
    .matches(rule)
}

/// Whether a contact that the viewer can find matches the rule (SPEC 5.10).
pub(crate) fn matches_contact(facts: &Facts, viewer: &Teammate, contact: &Contact, rule: &Rule) -> bool {
    Candidate { facts, viewer, contacts: vec![contact], conversation: None }.matches(rule)
}

/// Those of the conversation's contacts that the viewer may view, in its order (SPEC 4.3).
fn viewable_contacts<'f>(facts: &'f Facts, viewer: &Teammate, conversation: &Conversation) -> Vec<&'f Contact> {
    let contacts = conversation.contacts.iter().filter_map(|id| facts.contacts.get(id));
    contacts.filter(|contact| finds(&facts.directory, &contact.members, viewer)).collect()
}

/// What a rule looks at: a conversation with its viewable contacts, or one contact by itself.
struct Candidate<'f> {
    facts: &'f Facts,
    viewer: &'f Teammate,
    contacts: Vec<&'f Contact>,
    conversation: Option<&'f Conversation>,
}

impl Candidate<'_> {
    fn matches(&self, rule: &Rule) -> bool {
        match rule {
            Rule::All(rules) => rules.iter().all(|rule| self.matches(rule)),
            Rule::Any(rules) => rules.iter().any(|rule| self.matches(rule)),
            Rule::Not(rule) => !self.matches(rule),
            Rule::ContactTags(set) => {
                tags_match(set, |tag| self.contacts.iter().any(|contact| contact.tags.contains(tag)))
            }
            Rule::Contacts(pick) => picks(pick, |id| self.contacts.iter().any(|contact| contact.id == *id)),
            Rule::ContactCategories(pick) => {
                picks(pick, |category| self.contacts.iter().any(|contact| contact.category == *category))
            }
            Rule::Invitations(pick) => {
                picks(pick, |invitation| self.contacts.iter().any(|contact| contact.invitation == *invitation))
            }
            leaf => self.conversation.is_some_and(|conversation| self.conversation_matches(conversation, leaf)),
        }
    }

    fn conversation_matches(&self, conversation: &Conversation, leaf: &Rule) -> bool {
        match leaf {
            Rule::ConversationTags(set) => tags_match(set, |tag| conversation.tags.contains(tag)),
            Rule::Assignee(choices) => {
                choices.iter().any(|choice| self.is_assigned(conversation.assignee.as_ref(), choice))
            }
            Rule::Endpoints(pick) => picks(pick, |id| conversation.endpoint.as_ref() == Some(id)),
            Rule::Channels(pick) => {
                let channel = self.endpoint(conversation).map(|endpoint| endpoint.kind.channel());
                picks(pick, |one| channel == Some(*one))
            }
            Rule::Kinds(pick) => picks(pick, |kind| conversation.kind == *kind),
            Rule::Unread => !conversation.read_by.contains(&self.viewer.id),
            Rule::Starred => conversation.starred_by.contains(&self.viewer.id),
            Rule::ActiveSince(time) => conversation.last_activity >= *time,
            Rule::ActiveBefore(time) => conversation.last_activity < *time,
            // `matches` has taken these apart, or answered them from the contacts.
            Rule::All(_)
            | Rule::Any(_)
            | Rule::Not(_)
            | Rule::ContactTags(_)
            | Rule::Contacts(_)
            | Rule::ContactCategories(_)
            | Rule::Invitations(_) => false,
        }
    }

    fn endpoint(&self, conversation: &Conversation) -> Option<&Endpoint> {
        self.facts.endpoint(conversation.endpoint.as_ref()?)
    }

    fn is_assigned(&self, assignee: Option<&Member>, choice: &AssigneePick) -> bool {
        match (choice, assignee) {
            (AssigneePick::Nobody, None) | (AssigneePick::Anyone, Some(_)) => true,
            (AssigneePick::Me, Some(Member::Teammate(id))) => *id == self.viewer.id,
            (AssigneePick::MyTeams, Some(Member::Team(id))) => self.is_my_team(id),
            (AssigneePick::Team(team), Some(Member::Team(id))) => team == id,
            (AssigneePick::Teammate(teammate), Some(Member::Teammate(id))) => teammate == id,
            _ => false,
        }
    }

    fn is_my_team(&self, id: &TeamId) -> bool {
        self.facts.team(id).is_some_and(|team| team.teammates.contains(&self.viewer.id))
    }
}

fn tags_match(set: &TagSet, carries: impl Fn(&Tag) -> bool) -> bool {
    match set {
        TagSet::Any(tags) => tags.iter().any(carries),
        TagSet::All(tags) => tags.iter().all(carries),
        TagSet::None(tags) => !tags.iter().any(carries),
    }
}

fn picks<T>(pick: &Pick<T>, fits: impl Fn(&T) -> bool) -> bool {
    match pick {
        Pick::Any(values) => values.iter().any(fits),
        Pick::None(values) => !values.iter().any(fits),
    }
}
