-- The facts of many organizations, one row per fact, as they stand at `organizations.revision`.
--
-- * Every primary key starts with organization_id, so that every table can be partitioned or distributed by it.
-- * A member is two columns: (KIND, ID) is ('organization', ''), ('team', id) or ('teammate', id).
-- * position keeps the order of lists; gaps mean nothing. Conversations and contacts have no order of their own.
-- * Ids and tags compare byte by byte, which for UTF-8 is by code point.
-- * Foreign keys are checked at the end of a transaction, so that facts can be written in any order.

CREATE TABLE organizations (
    organization_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (organization_id <> ''),
    name               TEXT NOT NULL,
    contact_membership BOOLEAN NOT NULL,
    revision           BIGINT NOT NULL CHECK (revision >= 0)
);

CREATE TABLE teammates (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
    position        BIGINT NOT NULL,
    name            TEXT NOT NULL,
    admin           BOOLEAN NOT NULL,
    suspended       BOOLEAN NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE teams (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
    position        BIGINT NOT NULL,
    name            TEXT NOT NULL,
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE team_members (
    organization_id TEXT COLLATE "C" NOT NULL,
    team_id         TEXT COLLATE "C" NOT NULL,
    teammate_id     TEXT COLLATE "C" NOT NULL,
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, team_id, teammate_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organization_id, teammate_id) REFERENCES teammates DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE endpoints (
    organization_id  TEXT COLLATE "C" NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id               TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
    position         BIGINT NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL CHECK (kind IN ('spruce_link', 'phone_number', 'fax_number', 'email_address')),
    value            TEXT,
    label            TEXT,
    owner_kind       TEXT COLLATE "C" NOT NULL CHECK (owner_kind IN ('organization', 'team', 'teammate')),
    owner_id         TEXT COLLATE "C" NOT NULL CHECK ((owner_kind = 'organization') = (owner_id = '')),
    auto_assign_kind TEXT COLLATE "C" CHECK (auto_assign_kind IN ('team', 'teammate')),
    auto_assign_id   TEXT COLLATE "C" CHECK ((auto_assign_kind IS NULL) = (auto_assign_id IS NULL)),
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE endpoint_members (
    organization_id TEXT COLLATE "C" NOT NULL,
    endpoint_id     TEXT COLLATE "C" NOT NULL,
    member_kind     TEXT COLLATE "C" NOT NULL CHECK (member_kind IN ('organization', 'team', 'teammate')),
    member_id       TEXT COLLATE "C" NOT NULL CHECK ((member_kind = 'organization') = (member_id = '')),
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, endpoint_id, member_kind, member_id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES endpoints DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE contacts (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
    name            TEXT,
    -- The name in lower case, as the order of contact lists has it; no database lower-cases as Unicode says.
    name_key        TEXT COLLATE "C" CHECK ((name IS NULL) = (name_key IS NULL)),
    category        TEXT COLLATE "C" NOT NULL CHECK (category IN ('patient', 'professional', 'clinic', 'unsaved')),
    invitation      TEXT COLLATE "C" NOT NULL CHECK (invitation IN ('not_invited', 'invited', 'has_account')),
    PRIMARY KEY (organization_id, id)
);

CREATE TABLE contact_members (
    organization_id TEXT COLLATE "C" NOT NULL,
    contact_id      TEXT COLLATE "C" NOT NULL,
    member_kind     TEXT COLLATE "C" NOT NULL CHECK (member_kind IN ('organization', 'team', 'teammate')),
    member_id       TEXT COLLATE "C" NOT NULL CHECK ((member_kind = 'organization') = (member_id = '')),
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, contact_id, member_kind, member_id),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE contact_tags (
    organization_id TEXT COLLATE "C" NOT NULL,
    contact_id      TEXT COLLATE "C" NOT NULL,
    tag             TEXT COLLATE "C" NOT NULL CHECK (tag <> ''),
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, contact_id, tag),
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE conversations (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
    kind            TEXT COLLATE "C" NOT NULL CHECK (kind IN ('patient', 'team', 'note')),
    endpoint_id     TEXT COLLATE "C" CHECK ((kind = 'patient') = (endpoint_id IS NOT NULL)),
    assignee_kind   TEXT COLLATE "C" CHECK (assignee_kind IN ('team', 'teammate')),
    assignee_id     TEXT COLLATE "C" CHECK ((assignee_kind IS NULL) = (assignee_id IS NULL)),
    archived        BOOLEAN NOT NULL,
    last_activity   BIGINT NOT NULL, -- milliseconds since 1970-01-01T00:00Z
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES endpoints DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE conversation_contacts (
    organization_id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    contact_id      TEXT COLLATE "C" NOT NULL,
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, contact_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organization_id, contact_id) REFERENCES contacts DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE conversation_members (
    organization_id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    member_kind     TEXT COLLATE "C" NOT NULL CHECK (member_kind IN ('organization', 'team', 'teammate')),
    member_id       TEXT COLLATE "C" NOT NULL CHECK ((member_kind = 'organization') = (member_id = '')),
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, member_kind, member_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE conversation_tags (
    organization_id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    tag             TEXT COLLATE "C" NOT NULL CHECK (tag <> ''),
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, tag),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED
);

-- Who has read a conversation since its last message.
CREATE TABLE conversation_reads (
    organization_id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    teammate_id     TEXT COLLATE "C" NOT NULL,
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, teammate_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organization_id, teammate_id) REFERENCES teammates DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE conversation_stars (
    organization_id TEXT COLLATE "C" NOT NULL,
    conversation_id TEXT COLLATE "C" NOT NULL,
    teammate_id     TEXT COLLATE "C" NOT NULL,
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, conversation_id, teammate_id),
    FOREIGN KEY (organization_id, conversation_id) REFERENCES conversations DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (organization_id, teammate_id) REFERENCES teammates DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE filters (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    id              TEXT COLLATE "C" NOT NULL CHECK (id <> ''),
    position        BIGINT NOT NULL,
    name            TEXT NOT NULL,
    owner_id        TEXT COLLATE "C" NOT NULL,
    lists           TEXT COLLATE "C" NOT NULL CHECK (lists IN ('conversations', 'contacts')),
    archive_scope   TEXT COLLATE "C" NOT NULL CHECK (archive_scope IN ('exclude', 'include', 'only')),
    rule            TEXT NOT NULL, -- JSON; what it names may have gone since
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, owner_id) REFERENCES teammates DEFERRABLE INITIALLY DEFERRED
);

-- A share may name what is gone, or never was, such as the team with the empty id.
CREATE TABLE filter_shares (
    organization_id TEXT COLLATE "C" NOT NULL,
    filter_id       TEXT COLLATE "C" NOT NULL,
    member_kind     TEXT COLLATE "C" NOT NULL CHECK (member_kind IN ('organization', 'team', 'teammate')),
    member_id       TEXT COLLATE "C" NOT NULL CHECK (member_kind <> 'organization' OR member_id = ''),
    position        BIGINT NOT NULL,
    PRIMARY KEY (organization_id, filter_id, member_kind, member_id),
    FOREIGN KEY (organization_id, filter_id) REFERENCES filters DEFERRABLE INITIALLY DEFERRED
);
