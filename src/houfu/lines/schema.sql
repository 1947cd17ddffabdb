-- The credit line of a store, the layers its total is made of, and the orders that consume it.

create table lines (
    store_id               text        primary key references stores (store_id),
    status                 text        not null check (status in ('open', 'suspended', 'closed')),
    currency               text        not null,
    total                  bigint      not null check (total >= 0),
    total_until            timestamptz,          -- the next moment at which the layers in force change; null: never
    used                   bigint      not null default 0,
    assessment_id          uuid        not null, -- whose layers are in force
    cap                    bigint,               -- null: no cap (a store in its first month, B8)
    zeroed                 boolean     not null,
    rounding               bigint      not null check (rounding > 0),
    day_withdrawn_share_bp integer     not null default 0 check (day_withdrawn_share_bp >= 0), -- highest of one day since the assessment (B11)
    partner                text,                 -- the funding partner the store is routed to; null: the programme itself (B1)
    assess_at              timestamptz,          -- when it is assessed: where its last assessment lacked something, or something happened since
    assess_cause           text,                 -- what happened; null: what was lacking may have come
    updated_at             timestamptz not null,
    constraint used_never_negative check (used >= 0)
);
create index lines_due on lines (total_until) where total_until is not null;
create index lines_to_assess on lines (assess_at) where assess_at is not null;

create table layers (
    store_id      text        not null references lines (store_id),
    assessment_id uuid        not null,
    kind          text        not null,
    amount        bigint      not null check (amount > 0),
    valid_from    timestamptz not null,
    valid_until   timestamptz check (valid_until > valid_from),
    reason        text        not null,
    primary key (store_id, assessment_id, kind, valid_from)
);

create table line_changes (
    store_id      text        not null references lines (store_id),
    change_id     uuid        not null,
    from_total    bigint      not null,
    to_total      bigint      not null,
    from_status   text        not null,
    to_status     text        not null,
    cause         text        not null,
    author        text        not null,
    assessment_id uuid        not null,
    occurred_at   timestamptz not null,
    recorded_at   timestamptz not null,
    primary key (store_id, change_id)
);

-- Decisions that the policy refers to a person before they may raise a limit.
create table referrals (
    store_id      text        not null references stores (store_id),
    assessment_id uuid        not null,
    status        text        not null check (status in ('open', 'accepted', 'declined', 'superseded')),
    rules         jsonb       not null,
    from_total    bigint      not null,
    to_total      bigint      not null,
    referred_at   timestamptz not null,
    decided_at    timestamptz,
    decided_by    text,
    note          text        check (length(note) <= 2000),
    primary key (store_id, assessment_id),
    constraint decided_by_somebody check ((status = 'open') = (decided_at is null) and (status = 'open') = (decided_by is null))
);
create unique index one_open_referral on referrals (store_id) where status = 'open';

-- A run goes over every line, chunk by chunk in the order of store_id; `reached` is where it goes on, written with each chunk.
create table assessment_runs (
    run_id      uuid        primary key,
    cause       text        not null check (cause in (
        'begun', 'quarter', 'month_check', 'promotion', 'usage_check', 'policy_announced', 'policy_effective', 'requested'
    )),
    name        text        not null,  -- which occasion it is; a cause has one run for each
    due_at      timestamptz not null,
    reached     text        not null default '',
    stores      bigint      not null default 0,
    changed     bigint      not null default 0,
    untouched   bigint      not null default 0,
    referred    bigint      not null default 0,
    failed      bigint      not null default 0,
    author      text        not null,
    recorded_at timestamptz not null,
    finished_at timestamptz,
    unique (cause, name)
);
create index runs_unfinished on assessment_runs (due_at) where finished_at is null;

-- The tables that grow with every order (authorizations, movements, journals) carry no foreign keys: their rows are written
-- under the lock of the very line they belong to, and `houfu ledger verify` proves that they belong. See decision 4.

-- An order on the line. Amounts only grow; what is open follows from them:
--   held = amount - captured - freed, unpaid = captured - repaid - (returned - refunded), used = held + unpaid.
create table authorizations (
    store_id          text        not null,
    authorization_id  uuid        not null,
    order_id          text        not null check (length(order_id) between 1 and 64),
    buyer_id          text        not null check (length(buyer_id) between 1 and 64),
    status            text        not null check (status in (
        'refused', 'authorized', 'partially_captured', 'captured', 'repaid', 'returned', 'voided', 'expired', 'defaulted'
    )),
    reason            text,
    currency          text        not null,
    amount            bigint      not null check (amount > 0),
    over_limit_amount bigint      not null default 0 check (over_limit_amount between 0 and amount),
    captured          bigint      not null default 0 check (captured >= 0),
    freed             bigint      not null default 0 check (freed >= 0),
    repaid            bigint      not null default 0 check (repaid >= 0),
    returned          bigint      not null default 0 check (returned >= 0),
    refunded          bigint      not null default 0 check (refunded between 0 and returned),
    receivable        bigint      not null default 0 check (receivable >= 0), -- advanced within the line, not yet paid back
    liability         bigint      not null default 0 check (liability >= 0),  -- advanced beyond the line, not yet paid back (A10)
    written_off       bigint      not null default 0 check (written_off >= 0),-- moved from receivable to whoever bears the default
    borne_by          text        check (borne_by in ('store', 'platform', 'funding_partner')),
    authorized_at     timestamptz not null,
    expires_at        timestamptz,
    captured_at       timestamptz,
    default_at        timestamptz,          -- when what is unpaid becomes a default
    due_at            timestamptz,          -- when the worker must look at it next: the hold expires or the buyer defaults
    constraint refused_with_a_reason check ((status = 'refused') = (reason is not null)),
    constraint capture_exceeds_hold check (captured + freed <= amount),
    constraint repayment_exceeds_outstanding check (repaid + returned - refunded <= captured),
    constraint return_exceeds_order check (returned <= captured)
);
-- An order's id is taken until all of it was freed. Not told by status: that changes often, and would have every index
-- written anew. Made before the primary key: of two indexes that cost alike PostgreSQL takes the older, and to an empty
-- table all cost alike.
create unique index order_already_authorized on authorizations (store_id, order_id) where reason is null and freed < amount;
alter table authorizations add primary key (store_id, authorization_id);
create index authorizations_due on authorizations (due_at) where due_at is not null;

-- What was asked of an order after its authorization, and what came of it.
create table movements (
    store_id         text        not null,
    movement_id      uuid        not null,
    authorization_id uuid        not null,
    kind             text        not null check (kind in ('capture', 'void', 'expire', 'repay', 'return', 'default')),
    amount           bigint      not null check (amount >= 0),
    reason           text,                  -- why it was refused; null when it took effect
    journal_seq      bigint,                -- the journal that moved the money; null when none moved
    author           text        not null,
    occurred_at      timestamptz not null,
    recorded_at      timestamptz not null,
    primary key (store_id, movement_id)
);
