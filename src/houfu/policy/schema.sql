-- Policy versions, who put them in force and when, their trials, and the decisions made by them: never edited, so that any
-- decision can be replayed. What is not about one store is kept whole on every shard.

-- Every document ever proposed, in force or not.
create table policy_versions (
    version        integer     primary key check (version > 0),
    name           text        not null,
    sha            text        not null unique check (sha ~ '^[0-9a-f]{64}$'),
    document       text        not null,
    effective_from timestamptz,          -- as proposed; null: as soon as it is approved
    author         text        not null check (author <> ''),
    recorded_at    timestamptz not null,
    constraint a_version_has_one_author unique (version, author)
);

-- The versions that another person approved. A version is in force from here on until the next one begins.
create table policy_publications (
    version        integer     primary key,
    effective_from timestamptz not null,
    author         text        not null,
    approved_by    text        not null check (approved_by <> ''),
    recorded_at    timestamptz not null,
    constraint two_versions_never_begin_at_once unique (effective_from),
    constraint a_policy_is_published_by_two check (approved_by <> author),
    constraint the_author_is_the_proposals foreign key (version, author) references policy_versions (version, author)
);

-- Without a gap and without overlap, by construction; the last period has no end.
create view policy_periods as
select version, effective_from, lead(effective_from) over (order by effective_from) as effective_to
from policy_publications;

-- A version that runs without being the programme's: a shadow decides beside the policy in force and nothing comes of it, a
-- challenger decides in its place about a share of the stores.
create table policy_trials (
    version     integer     not null references policy_versions (version),
    trial       integer     not null check (trial > 0), -- counts the version's trials
    kind        text        not null check (kind in ('shadow', 'challenger')),
    share_bp    integer     check (share_bp between 1 and 10000),
    author      text        not null check (author <> ''),
    proposed_at timestamptz not null,
    approved_by text        check (approved_by <> ''),
    started_at  timestamptz check (started_at >= proposed_at),
    ended_by    text        check (ended_by <> ''),
    ended_at    timestamptz check (ended_at >= proposed_at),
    primary key (version, trial),
    constraint a_challenger_has_a_share check ((kind = 'challenger') = (share_bp is not null)),
    constraint a_challenger_is_started_by_two check (approved_by <> author),
    constraint a_challenger_starts_approved check (
        case kind when 'shadow' then started_at is not null and approved_by is null
        else (started_at is null) = (approved_by is null) end
    ),
    constraint an_end_has_an_author check ((ended_at is null) = (ended_by is null))
);
create unique index a_version_has_one_open_trial on policy_trials (version) where ended_at is null;
create unique index there_is_one_challenger on policy_trials (kind) where kind = 'challenger' and ended_at is null;

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

-- What a shadow would have decided at an assessment, or why it could not. The assessment itself may have failed: it is not
-- referred to by key.
create table shadow_decisions (
    policy_version integer     not null references policy_versions (version),
    store_id       text        not null references stores (store_id),
    assessment_id  uuid        not null,
    policy_sha     text        not null,
    inputs         jsonb,
    decision       jsonb,
    error          text,
    occurred_at    timestamptz not null,
    recorded_at    timestamptz not null,
    primary key (policy_version, store_id, assessment_id),
    constraint a_shadow_decides_or_says_why_not check ((decision is null) <> (error is null)),
    constraint a_decision_has_inputs check (decision is null or inputs is not null)
);
