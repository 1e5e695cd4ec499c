-- The changes of many organizations, in the order in which they took effect. The facts hold all of them up to
-- `organizations.revision`; entries that every replica has seen may be deleted, oldest first.

CREATE TABLE journal (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations DEFERRABLE INITIALLY DEFERRED,
    revision        BIGINT NOT NULL CHECK (revision > 0), -- the one that the change led to
    replica         TEXT COLLATE "C" NOT NULL, -- 32 hexadecimal digits
    submission      BIGINT NOT NULL, -- counted by the replica
    part            BIGINT NOT NULL, -- place of the change in its submission, from 0
    change          TEXT NOT NULL, -- JSON
    PRIMARY KEY (organization_id, revision),
    UNIQUE (organization_id, replica, submission, part) -- no submission takes effect twice
);
