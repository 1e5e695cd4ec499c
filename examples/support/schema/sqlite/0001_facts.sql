-- The facts of many organizations, one row per fact, as they stand at `organizations.revision`.
--
-- * Every primary key starts with organization_id, so that every table can be partitioned or distributed by it.
-- * A member is two columns: (KIND, ID) is ('organization', ''), ('team', id) or ('teammate', id).
-- * position keeps the order of lists; gaps mean nothing. Conversations and contacts have no order of their own.
-- * Ids and tags compare byte by byte, which for UTF-8 is by code point.
-- * Foreign keys are checked at the end of a transaction, so that facts can be written in any order.

CREATE TABLE organizations (
    organization_id    TEXT NOT NULL PRIMARY KEY CHECK (organization_id <> ''),
    name               TEXT NOT NULL,
    contact_membership INTEGER NOT NULL CHECK (contact_membership IN (0, 1)),
    revision           INTEGER NOT NULL CHECK (revision >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE teammates (
    organization_id TEXT NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT NOT NULL CHECK (id <> ''),
    position        INTEGER NOT NULL,
    name            TEXT NOT NULL,
    admin           INTEGER NOT NULL CHECK (admin IN (0, 1)),
    suspended       INTEGER NOT NULL CHECK (suspended IN (0, 1)),
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE teams (
    organization_id TEXT NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT NOT NULL CHECK (id <> ''),
    position        INTEGER NOT NULL,
    name            TEXT NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE team_members (
    organization_id TEXT NOT NULL,
    team_id         TEXT NOT NULL,
    teammate_id     TEXT NOT NULL,
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, team_id, teammate_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organization_id, teammate_id) REFERENCES teammates DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoints (
    organization_id  TEXT NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id               TEXT NOT NULL CHECK (id <> ''),
    position         INTEGER NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('spruce_link', 'phone_number', 'fax_number', 'email_address')),
    value            TEXT,
    label            TEXT,
    owner_kind       TEXT NOT NULL CHECK (owner_kind IN ('organization', 'team', 'teammate')),
    owner_id         TEXT NOT NULL CHECK ((owner_kind = 'organization') = (owner_id = '')),
    auto_assign_kind TEXT CHECK (auto_assign_kind IN ('team', 'teammate')),
    auto_assign_id   TEXT CHECK ((auto_assign_kind IS NULL) = (auto_assign_id IS NULL)),
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE endpoint_members (
    organization_id TEXT NOT NULL,
    endpoint_id     TEXT NOT NULL,
    member_kind     TEXT NOT NULL CHECK (member_kind IN ('organization', 'team', 'teammate')),
    member_id       TEXT NOT NULL CHECK ((member_kind = 'organization') = (member_id = '')),
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, endpoint_id, member_kind, member_id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES endpoints DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    organization_id TEXT NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT NOT NULL CHECK (id <> ''),
    name            TEXT,
    -- The name in lower case, as the order of contact lists has it; no database lower-cases as Unicode says.
    name_key        TEXT CHECK ((name IS NULL) = (name_key IS NULL)),
    category        TEXT NOT NULL CHECK (category IN ('patient', 'professional', 'clinic', 'unsaved')),
    invitation      TEXT NOT NULL CHECK (invitation IN ('not_invited', 'invited', 'has_account')),
    PRIMARY KEY (organization_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_members (
    organization_id TEXT NOT NULL,
    contact_id      TEXT NOT NULL,
    member_kind     TEXT NOT NULL CHECK (member_kind IN ('organization', 'team', 'teammate')),
    member_id       TEXT NOT NULL CHECK ((member_kind = 'organization') = (member_id = '')),
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, contact_id, member_kind, member_id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_tags (
    organization_id TEXT NOT NULL,
    contact_id      TEXT NOT NULL,
    tag             TEXT NOT NULL CHECK (tag <> ''),
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, contact_id, tag),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    organization_id TEXT NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT NOT NULL CHECK (id <> ''),
    kind            TEXT NOT NULL CHECK (kind IN ('patient', 'team', 'note')),
    endpoint_id     TEXT CHECK ((kind = 'patient') = (endpoint_id IS NOT NULL)),
    assignee_kind   TEXT CHECK (assignee_kind IN ('team', 'teammate')),
    assignee_id     TEXT CHECK ((assignee_kind IS NULL) = (assignee_id IS NULL)),
    archived        INTEGER NOT NULL CHECK (archived IN (0, 1)),
    last_activity   INTEGER NOT NULL, -- milliseconds since 1970-01-01T00:00Z
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES endpoints DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation_contacts (
    organization_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    contact_id      TEXT NOT NULL,
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, contact_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation_members (
    organization_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    member_kind     TEXT NOT NULL CHECK (member_kind IN ('organization', 'team', 'teammate')),
    member_id       TEXT NOT NULL CHECK ((member_kind = 'organization') = (member_id = '')),
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, member_kind, member_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation_tags (
    organization_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    tag             TEXT NOT NULL CHECK (tag <> ''),
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, tag),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- Who has read a conversation since its last message.
CREATE TABLE conversation_reads (
    organization_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    teammate_id     TEXT NOT NULL,
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, teammate_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organization_id, teammate_id) REFERENCES teammates DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE conversation_stars (
    organization_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    teammate_id     TEXT NOT NULL,
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, teammate_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organization_id, teammate_id) REFERENCES teammates DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE TABLE filters (
    organization_id TEXT NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT NOT NULL CHECK (id <> ''),
    position        INTEGER NOT NULL,
    name            TEXT NOT NULL,
    owner_id        TEXT NOT NULL,
    lists           TEXT NOT NULL CHECK (lists IN ('conversations', 'contacts')),
    archive_scope   TEXT NOT NULL CHECK (archive_scope IN ('exclude', 'include', 'only')),
    rule            TEXT NOT NULL, -- JSON; what it names may have gone since
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, owner_id) REFERENCES teammates DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- A share may name what is gone, or never was, such as the team with the empty id.
CREATE TABLE filter_shares (
    organization_id TEXT NOT NULL,
    filter_id       TEXT NOT NULL,
    member_kind     TEXT NOT NULL CHECK (member_kind IN ('organization', 'team', 'teammate')),
    member_id       TEXT NOT NULL CHECK (member_kind <> 'organization' OR member_id = ''),
    position        INTEGER NOT NULL,
    PRIMARY KEY (organization_id, filter_id, member_kind, member_id),
    FOREIGN KEY (organization_id, filter_id) REFERENCES filters DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
