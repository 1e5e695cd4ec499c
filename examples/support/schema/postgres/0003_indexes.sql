-- For asking the database itself: inbox order, and from what a condition names to the conversations.

CREATE INDEX conversations_by_activity
    ON conversations (organization_id, archived, last_activity DESC, id);
CREATE INDEX conversations_by_endpoint
    ON conversations (organization_id, endpoint_id, archived, last_activity DESC, id);
CREATE INDEX conversations_by_assignee
    ON conversations (organization_id, assignee_kind, assignee_id, archived, last_activity DESC, id)
    WHERE assignee_kind IS NOT NULL;
CREATE INDEX conversations_by_contact
    ON conversation_contacts (organization_id, contact_id, conversation_id);
CREATE INDEX conversations_by_member
    ON conversation_members (organization_id, member_kind, member_id, conversation_id);
CREATE INDEX conversations_by_tag
    ON conversation_tags (organization_id, tag, conversation_id);
CREATE INDEX conversations_by_star
    ON conversation_stars (organization_id, teammate_id, conversation_id);
CREATE INDEX conversations_by_reader
    ON conversation_reads (organization_id, teammate_id, conversation_id);
CREATE INDEX contacts_by_member
    ON contact_members (organization_id, member_kind, member_id, contact_id);
CREATE INDEX contacts_by_tag
    ON contact_tags (organization_id, tag, contact_id);
CREATE INDEX teams_by_teammate
    ON team_members (organization_id, teammate_id, team_id);
CREATE INDEX filters_by_owner
    ON filters (organization_id, owner_id);
