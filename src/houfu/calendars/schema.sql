-- The business calendar, version by version. Only ever added to.

create table calendar_versions (
    name        text        not null check (name ~ '^(cn|[A-Z]{2}(-[A-Z0-9]{1,3})?)$'),
    number      integer     not null check (number > 0),
    version     text        not null,  -- what the notice calls itself
    years       integer[]   not null check (cardinality(years) between 1 and 10),
    document    text        not null,  -- the notice as it came
    sha256      bytea       not null check (length(sha256) = 32),
    imported_by text        not null,
    note        text        not null,  -- where it was published
    recorded_at timestamptz not null,
    primary key (name, number)
);
