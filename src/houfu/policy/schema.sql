-- Policy versions and the decisions made by them: never edited, so that any decision can be replayed.

create table policy_versions (
    version        integer     primary key check (version > 0),
    name           text        not null,
    sha            text        not null unique check (sha ~ '^[0-9a-f]{64}$'),
    document       text        not null,
    effective_from timestamptz not null,
    recorded_at    timestamptz not null,
    author         text        not null
);

create table assessments (
    store_id       text        not null references stores (store_id),
    assessment_id  uuid        not null,
    policy_version integer     not null references policy_versions (version),
    policy_sha     text        not null,
    inputs         jsonb       not null,
    decision       jsonb       not null,
    cause          text        not null,
    author         text        not null,
    occurred_at    timestamptz not null,
    recorded_at    timestamptz not null,
    primary key (store_id, assessment_id)
);
