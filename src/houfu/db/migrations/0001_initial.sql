-- What every capability leans on: keys, remembered answers, the sandbox's clock.

create table api_keys (
    key_sha     bytea       primary key check (octet_length(key_sha) = 32),  -- sha256 of the key; the key itself is shown once and never kept
    role        text        not null check (role in ('platform', 'operator', 'merchant', 'readonly')),
    store_id    text,
    name        text        not null check (length(name) between 1 and 100),
    created_at  timestamptz not null,
    revoked_at  timestamptz,
    constraint merchant_key_names_its_store check ((role = 'merchant') = (store_id is not null))
);

-- The first answer to a key, given again to whoever repeats the request. Kept for 30 days or longer.
create table idempotency (
    store_id    text        not null,
    key         text        not null check (length(key) between 1 and 255),
    request_sha bytea       not null,
    status      smallint    not null,
    answer      bytea       not null,
    recorded_at timestamptz not null,
    primary key (store_id, key)
);
create index idempotency_by_age on idempotency using brin (recorded_at);

-- Where the sandbox's clock stands, so that a restarted sandbox goes on from there. One row at most.
create table sandbox_clock (
    one  boolean     primary key default true check (one),
    now  timestamptz not null
);

-- The message box of a store: what happened to it, in words and as data. Only ever added to.

-- How many messages a box holds. Whoever sends locks the row until the end of the transaction, so a store's messages
-- become visible in the order of their seq and without gaps: a reader goes on from the last seq it saw and misses none.
create table message_boxes (
    store_id text   primary key,
    last_seq bigint not null check (last_seq > 0)
);

-- No foreign key to stores: a message is sent in the transaction of what it tells of, and that names the store.
create table messages (
    store_id    text        not null,
    seq         bigint      not null check (seq > 0),
    message_id  uuid        not null,
    kind        text        not null,
    message_zh  text        not null check (message_zh <> ''),
    message_en  text        not null check (message_en <> ''),
    data        jsonb       not null check (jsonb_typeof(data) = 'object'),
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    primary key (store_id, seq),
    constraint a_message_is_sent_once unique (store_id, message_id)
);

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

-- The books. A journal and its postings are one row: its arrays pair an account with a signed amount
-- (debit positive), the sum is zero by constraint, and the row is hashed onto the store's chain.

create table chart_of_accounts (
    account          text    primary key,
    type             text    not null check (type in ('asset', 'liability', 'income', 'expense')),
    merchant_visible boolean not null,
    name_zh          text    not null,
    name_en          text    not null
);
insert into chart_of_accounts values
    ('buyer_receivable', 'asset',     false, '买家应收款', 'Owed by buyers for advances'),
    ('store_balance',    'liability', true,  '店铺余额',   'Owed to the store: what it may withdraw'),
    ('store_liability',  'asset',     true,  '店铺负债',   'Owed by the store: collected from its next withdrawals'),
    ('payout_clearing',  'liability', true,  '提现在途',   'Withdrawals on their way to the bank'),
    ('bank',             'asset',     false, '银行存款',   'The programme''s money at the bank'),
    ('fee_income',       'income',    false, '手续费收入', 'Withdrawal fees earned'),
    ('loss',             'expense',   false, '坏账损失',   'Buyers'' defaults borne by the platform'),
    ('funding_partner',  'liability', false, '资金方',     'Settled with a funding partner');

-- One row per store: the length of its chain of journals and the hash at its end.
create table books (
    store_id text   primary key,
    currency text   not null check (currency ~ '^[A-Z]{3}$'),
    seq      bigint not null default 0 check (seq >= 0),
    head     bytea  not null default '\x0000000000000000000000000000000000000000000000000000000000000000' check (octet_length(head) = 32)
);

create table journals (
    store_id    text        not null,
    seq         bigint      not null check (seq > 0),
    kind        text        not null,
    currency    text        not null,
    accounts    text[]      not null,
    amounts     bigint[]    not null,
    subject     uuid,                  -- the authorization or withdrawal it is about
    reverses    bigint,                -- the journal it takes back
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    hash        bytea       not null check (octet_length(hash) = 32),
    primary key (store_id, seq),
    constraint reverses_an_earlier_journal check (reverses < seq),
    constraint postings_pair_up check (
        cardinality(accounts) = cardinality(amounts) and cardinality(amounts) between 2 and 8
        and array_ndims(accounts) = 1 and array_lower(accounts, 1) = 1 and array_position(accounts, null) is null
        and array_ndims(amounts) = 1 and array_lower(amounts, 1) = 1  -- else the sum below would look past them
    ),
    constraint postings_sum_to_zero check (
        amounts[1] + amounts[2] + coalesce(amounts[3], 0) + coalesce(amounts[4], 0) + coalesce(amounts[5], 0)
        + coalesce(amounts[6], 0) + coalesce(amounts[7], 0) + coalesce(amounts[8], 0) = 0
    ),
    constraint postings_move_something check (array_position(amounts, 0) is null and array_position(amounts, null) is null)
);
create unique index reversed_once on journals (store_id, reverses) where reverses is not null;
create index journals_by_time on journals (store_id, occurred_at, seq);       -- a month of a long past (C5)
create index journals_by_subject on journals (store_id, subject);             -- an order's or a withdrawal's

create table balances (
    store_id text   not null references books (store_id),
    account  text   not null references chart_of_accounts (account),
    currency text   not null,
    balance  bigint not null default 0,  -- debit positive
    primary key (store_id, account),
    constraint store_balance_never_overdrawn check (account <> 'store_balance' or balance <= 0),
    constraint payout_clearing_never_overdrawn check (account <> 'payout_clearing' or balance <= 0),
    constraint store_liability_never_negative check (account <> 'store_liability' or balance >= 0),
    constraint buyer_receivable_never_negative check (account <> 'buyer_receivable' or balance >= 0)
);

create view postings as
select store_id, seq, line, kind, account, amount, currency, subject, reverses, occurred_at, recorded_at
from journals, unnest(accounts, amounts) with ordinality as p (account, amount, line);

create view trial_balance as
select account, currency, sum(balance)::numeric(38, 0) as balance from balances group by account, currency;

-- Stores and what is known of them. Metrics are never edited: a correction is a new revision.

create table stores (
    store_id    text        primary key check (store_id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    name        text        not null check (length(name) between 1 and 200),
    owner_id    text        not null check (length(owner_id) between 1 and 64),
    level       smallint    not null check (level between 1 and 100),
    opened_on   date        not null,
    phone_kind  text        not null check (phone_kind in ('mobile', 'virtual')),
    category    text        not null check (length(category) between 1 and 64),
    recorded_at timestamptz not null,
    updated_at  timestamptz not null
);

create table store_metrics (
    store_id        text        not null references stores (store_id),
    month           date        not null check (extract(day from month) = 1),
    revision        integer     not null check (revision > 0),
    orders          bigint      not null check (orders >= 0),
    gmv             bigint      not null check (gmv >= 0),
    dsr_description smallint    not null check (dsr_description between 0 and 500),
    dsr_service     smallint    not null check (dsr_service between 0 and 500),
    dsr_logistics   smallint    not null check (dsr_logistics between 0 and 500),
    return_rate_bp  smallint    not null check (return_rate_bp between 0 and 10000),
    good_review_bp  smallint    not null check (good_review_bp between 0 and 10000),
    complaint_bp    smallint    not null check (complaint_bp between 0 and 10000),
    recorded_at     timestamptz not null,
    primary key (store_id, month, revision)
);

create table store_facts (
    store_id    text        not null references stores (store_id),
    fact_id     uuid        not null,
    kind        text        not null check (kind in (
        'course_completed', 'violation', 'serious_violation', 'funds_frozen', 'funds_released', 'high_risk_marked', 'high_risk_cleared'
    )),
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    author      text        not null,
    note        text        not null check (length(note) <= 2000),
    primary key (store_id, fact_id)
);

create table bank_accounts (
    store_id        text        not null references stores (store_id),
    bank_account_id text        not null check (bank_account_id ~ '^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'),
    holder          text        not null check (length(holder) between 1 and 100),
    number          text        not null check (number ~ '^[0-9]{8,34}$'),
    bank_code       text        not null check (length(bank_code) between 1 and 32),
    recorded_at     timestamptz not null,
    updated_at      timestamptz not null,
    verified_at     timestamptz,           -- since when somebody other than the store vouches for it
    verified_by     text,
    changed_at      timestamptz,           -- when holder, number or bank last became others; null while they are the first
    primary key (store_id, bank_account_id),
    constraint verified_by_somebody check ((verified_at is null) = (verified_by is null))
);

-- Funding partners. `allocated` is the sum of a partner's allocations; both are written under the lock of the facility.

create table facilities (
    partner    text        primary key check (partner ~ '^[a-z][a-z0-9_]{0,47}$'),
    currency   text        not null,
    committed  bigint      not null check (committed >= 0),
    allocated  bigint      not null default 0 check (allocated >= 0),
    updated_at timestamptz not null,
    updated_by text        not null
);

create table allocations (
    store_id   text        primary key references stores (store_id),
    partner    text        not null,
    amount     bigint      not null check (amount > 0),
    updated_at timestamptz not null
);

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

-- Withdrawals: what a store asked to be paid out, what it cost, when it arrives.

-- One request as it is recorded. A batch of them is sent as one array: an array for each column costs both sides more.
create type new_withdrawal as (
    store_id            text,
    withdrawal_id       uuid,
    status              text,
    reason              text,
    currency            text,
    amount              bigint,
    fee                 bigint,
    fee_rule            text,
    liability_collected bigint,
    net                 bigint,
    bank_account_id     text,
    holder              text,
    number              text,
    bank_code           text,
    warnings            jsonb,
    facts               jsonb,
    fee_breakdown       jsonb,
    limit_total         bigint,
    author              text,
    arrives_on          date,
    latest_on           date,
    due_at              timestamptz,
    journal_seq         bigint
);

create table withdrawals (
    store_id            text        not null,  -- no foreign key: every request adds a row, and what decides it has read the store
    withdrawal_id       uuid        not null,
    status              text        not null check (status in ('scheduled', 'in_transit', 'paid', 'failed', 'refused', 'canceled')),
    reason              text,
    currency            text        not null,
    amount              bigint      not null check (amount > 0),
    fee                 bigint      not null default 0 check (fee >= 0),
    fee_rule            text        check (fee_rule in ('first_free', 'rate', 'minimum', 'year_threshold')),
    liability_collected bigint      not null default 0 check (liability_collected >= 0),
    net                 bigint      not null default 0,
    returned            bigint      not null default 0 check (returned between 0 and amount), -- back to the balance once failed or canceled
    bank_account_id     text        not null,
    holder              text,                  -- the bank account as it was when asked: a later change of it moves no payout
    number              text,
    bank_code           text,
    warnings            jsonb       not null,
    facts               jsonb       not null default '{}', -- figures of this request that the wording of its reason names
    fee_breakdown       jsonb,                 -- how the fee came about: written once, kept for ever (D4)
    limit_total         bigint      not null,  -- the line's total when it was asked: what its share of the limit is measured against (B11)
    author              text        not null,
    asked_at            timestamptz not null,
    asked_on            date        not null,  -- the programme's local day
    arrives_on          date,
    latest_on           date,
    calendar            text        not null default 'cn', -- the calendar that the dates rest on, and its version
    calendar_number     integer     not null default 0,
    due_at              timestamptz,           -- when the worker must look at it next
    journal_seq         bigint,                -- the journal that reserved it
    paid_seq            bigint,                -- the journal that booked its payment
    batch_id            uuid,                  -- the payout batch and its file that carry the payment to the bank
    file_number         smallint,
    bank_reference      text,                  -- the bank's, once it has told one
    bank_reason         text,                  -- the bank's code for not paying it, or for its coming back: ISO 20022, such as AC04
    bank_words          text,                  -- and its own words
    booked_on           date,                  -- the day on which the bank booked the payment
    came_back_on        date,                  -- the day on which it booked it back
    paid_at             timestamptz,
    failed_at           timestamptz,
    canceled_at         timestamptz,
    canceled_by         text,
    recorded_at         timestamptz not null,
    primary key (store_id, withdrawal_id),
    constraint refused_or_failed_with_a_reason check ((status in ('refused', 'failed')) = (reason is not null)),
    constraint withdrawal_adds_up check (status = 'refused' or amount = fee + liability_collected + net and net > 0),
    constraint accepted_with_a_journal_and_a_payee check (status = 'refused' or journal_seq is not null and number is not null),
    constraint fee_explained_for_ever check (status = 'refused' or fee_breakdown is not null),
    constraint worker_looks_at_open_ones check ((status in ('scheduled', 'in_transit')) = (due_at is not null)),
    constraint paid_at_a_moment check ((status = 'paid') <= (paid_at is not null) and (paid_at is null or status in ('paid', 'failed'))),
    constraint booked_when_paid check ((paid_at is null) = (booked_on is null) and (paid_at is null) = (paid_seq is null)),
    constraint came_back_after_it_was_paid check (came_back_on is null or status = 'failed' and booked_on is not null),
    constraint carried_by_a_batch check ((batch_id is null) = (file_number is null) and (status not in ('in_transit', 'paid') or batch_id is not null)),
    constraint returned_when_it_ended_unpaid check (status in ('failed', 'canceled') or returned = 0)
);
create index withdrawals_due on withdrawals (due_at) where due_at is not null;
create index withdrawals_by_day on withdrawals (store_id, asked_on);
create index withdrawals_by_payment on withdrawals (store_id, paid_at) where status = 'paid';
create index withdrawals_by_batch on withdrawals (batch_id, file_number) where batch_id is not null;
create index withdrawals_newest on withdrawals (withdrawal_id, store_id);

-- Risk reviews of stores that broke a rule of withdrawals (D9, D10).
create table reviews (
    store_id      text        not null references stores (store_id),
    review_id     uuid        not null,
    rule          text        not null check (rule in ('B11', 'D6')),
    withdrawal_id uuid        not null,  -- the request that broke it: accepted (B11) or refused (D6)
    status        text        not null check (status in ('open', 'cleared', 'upheld')),
    opened_at     timestamptz not null,
    due_on        date        not null,  -- the last local day on which it is decided in time
    decided_at    timestamptz,
    decided_by    text,
    note          text        check (length(note) <= 2000),
    primary key (store_id, review_id),
    constraint decided_by_somebody check ((status = 'open') = (decided_at is null) and (status = 'open') = (decided_by is null))
);
create unique index one_open_review on reviews (store_id, rule) where status = 'open';
create index reviews_newest on reviews (review_id, store_id);

-- Dates that a new version of the calendar moved; only ever added to.
create table withdrawal_redatings (
    store_id        text        not null,
    withdrawal_id   uuid        not null,
    calendar        text        not null,
    calendar_number integer     not null,
    from_arrives_on date        not null,
    to_arrives_on   date        not null,
    from_latest_on  date        not null,
    to_latest_on    date        not null,
    author          text        not null,  -- who imported the notice
    recorded_at     timestamptz not null,
    primary key (store_id, withdrawal_id, calendar, calendar_number),
    foreign key (store_id, withdrawal_id) references withdrawals (store_id, withdrawal_id),
    foreign key (calendar, calendar_number) references calendar_versions (name, number),
    constraint redated_when_a_date_moved check ((from_arrives_on, from_latest_on) <> (to_arrives_on, to_latest_on))
);

-- Fees that stores doubt (D4); only ever added to.
create table fee_disputes (
    store_id      text        not null,
    dispute_id    uuid        not null,
    withdrawal_id uuid        not null,
    note          text        not null check (length(note) <= 2000),
    author        text        not null,
    agrees        boolean     not null,  -- whether the fee came out the same when it was computed anew
    recorded_at   timestamptz not null,
    primary key (store_id, dispute_id),
    foreign key (store_id, withdrawal_id) references withdrawals (store_id, withdrawal_id)
);
create index fee_disputes_by_withdrawal on fee_disputes (store_id, withdrawal_id, dispute_id);

-- Payouts: batches of payments, the files they went to the bank in, and the bank's reports.

create table payout_batches (
    batch_id      uuid        primary key,
    rail          text        not null check (rail ~ '^[a-z][a-z0-9_-]{0,31}$'),
    currency      text        not null,
    execution_on  date        not null,
    payments      integer     not null check (payments > 0),
    amount        bigint      not null check (amount > 0),
    status        text        not null check (status in ('waiting', 'approved', 'rejected', 'sent')),
    made_by       text        not null,
    made_at       timestamptz not null,
    decided_by    text,
    decided_at    timestamptz,
    decision_note text,
    sent_at       timestamptz,
    constraint decided_by_another_person check (decided_by <> made_by),
    constraint decided_at_a_moment check ((status = 'waiting') = (decided_at is null) and (decided_at is null) = (decided_by is null))
);
create index payout_batches_open on payout_batches (rail, batch_id) where status in ('waiting', 'approved');

create table payout_files (
    batch_id     uuid        not null references payout_batches (batch_id),
    number       smallint    not null check (number between 1 and 99),
    message_id   text        not null unique check (length(message_id) between 1 and 35),
    payments     integer     not null check (payments > 0),
    amount       bigint      not null check (amount > 0),
    sha256       bytea       not null,
    content      bytea       not null,   -- the XML, deflated
    status       text        not null check (status in ('made', 'sending', 'sent', 'accepted', 'rejected')),
    attempts     integer     not null default 0,
    sending_at   timestamptz,
    sent_at      timestamptz,
    answered_at  timestamptz,
    fault        text,
    primary key (batch_id, number),
    constraint rejected_with_a_fault check ((status = 'rejected') = (fault is not null))
);

create index payout_files_open on payout_files (message_id) where status in ('made', 'sending');

create table bank_reports (
    rail         text        not null,
    sha256       bytea       not null,
    name         text        not null check (length(name) between 1 and 128),
    kind         text        not null check (kind in ('pain.002', 'camt.054', 'camt.053', 'unknown')),
    message_id   text,
    status       text        not null check (status in ('taken', 'refused', 'duplicate')),
    fault        text,
    entries      integer     not null default 0,
    applied      integer     not null default 0,
    content      bytea       not null,   -- as it came, deflated
    recorded_at  timestamptz not null,
    primary key (rail, sha256),
    constraint refused_with_a_fault check ((status = 'refused') = (fault is not null))
);
create index bank_reports_newest on bank_reports (recorded_at, rail, sha256);
create index bank_reports_unfinished on bank_reports (rail, recorded_at) where status = 'taken' and applied < entries;

create table simulated_bank_files (      -- what the built-in simulated bank was handed: all the memory it has
    rail         text        not null,
    seq          integer     not null check (seq > 0),
    message_id   text        not null,
    content      bytea       not null,   -- the XML, deflated
    received_at  timestamptz not null,
    primary key (rail, seq),
    constraint received_once unique (rail, message_id)
);

-- What the bank says, beside what the books say. Of the platform, not of a store: keyed by rail and day.

-- One row per rail: whoever takes up a statement or closes a break of a rail locks it first, so that two agree about the days before.
create table reconciled_rails (
    rail text primary key check (rail ~ '^[a-z][a-z0-9_-]{0,31}$')
);

-- The statement of a day. There is one: the same again changes nothing, another for the same day is refused.
create table bank_statements (
    rail           text        not null references reconciled_rails (rail),
    day            date        not null,
    statement_id   text        not null,
    currency       text        not null,
    opening        bigint      not null,
    closing        bigint      not null,
    credits        bigint      not null check (credits >= 0),
    debits         bigint      not null check (debits >= 0),
    entries        integer     not null check (entries >= 0),
    working_before date        not null,  -- the working day before: bookings after it and up to `day` belong here
    content_sha256 bytea       not null,  -- of what it says, however it was written
    report_sha256  bytea       not null,  -- the report it came in
    recorded_at    timestamptz not null,
    primary key (rail, day),
    constraint speaks_of_days_up_to_its_own check (working_before < day),
    constraint statement_adds_up check (opening + credits - debits = closing)
);

-- Lines and their matches come a hundred thousand at once, with their statement: foreign keys would double what that takes.
create table bank_lines (
    rail                text    not null,
    day                 date    not null,
    number              integer not null check (number > 0),
    reference           text    not null,
    amount              bigint  not null check (amount > 0),
    credit              boolean not null,
    booked_on           date    not null,
    end_to_end_id       text,
    counterparty_name   text,
    counterparty_number text,
    return_reason       text,
    words               text,
    primary key (rail, day, number)
);
create index bank_lines_by_reference on bank_lines (rail, reference);

-- Which payout a line is. A payout has one line that paid it and one that brought it back, no more.
create table line_matches (
    rail          text        not null,
    day           date        not null,
    number        integer     not null,
    store_id      text        not null,
    withdrawal_id uuid        not null,
    kind          text        not null check (kind in ('payment', 'return')),
    amount        bigint      not null check (amount > 0),
    matched_by    text        not null check (matched_by in ('id', 'amount_date_name', 'person')),
    recorded_at   timestamptz not null,
    primary key (rail, day, number),
    constraint one_line_per_payout unique (store_id, withdrawal_id, kind)
);

-- Where bank and books differ. `amount` is how much more left the account than the books say; negative: less, or more came.
create table breaks (
    break_id                uuid        primary key,
    rail                    text        not null references reconciled_rails (rail),
    day                     date        not null,
    kind                    text        not null check (kind in ('line_without_payout', 'payout_without_line', 'amount_differs', 'line_twice', 'day_missing', 'opening_differs')),
    currency                text        not null,
    amount                  bigint      not null,
    line_number             integer,     -- the line of that day's statement
    store_id                text,        -- or the payout that no line confirms
    withdrawal_id           uuid,
    match_kind              text        check (match_kind in ('payment', 'return')),
    suggested_store_id      text,
    suggested_withdrawal_id uuid,
    suggested_score         smallint    check (suggested_score between 1 and 100),
    why_zh                  text        not null,
    why_en                  text        not null,
    status                  text        not null check (status in ('open', 'proposed', 'closed')),
    reason                  text,
    note                    text,
    matched_store_id        text,        -- the payout that the line shall be, with the reason matched_by_hand
    matched_withdrawal_id   uuid,
    proposed_by             text,
    proposed_at             timestamptz,
    closed_by               text,
    closed_at               timestamptz,
    moves                   integer     not null default 0,
    opened_at               timestamptz not null,
    foreign key (rail, day, line_number) references bank_lines (rail, day, number),
    constraint about_a_line check ((kind in ('line_without_payout', 'amount_differs', 'line_twice')) = (line_number is not null)),
    constraint about_a_payout check ((kind = 'payout_without_line') = (store_id is not null) and (store_id is null) = (withdrawal_id is null)),
    constraint kind_of_match_where_money_moved check ((kind in ('day_missing', 'opening_differs')) = (match_kind is null)),
    constraint suggestion_is_whole check ((suggested_store_id is null) = (suggested_withdrawal_id is null) and (suggested_store_id is null) = (suggested_score is null)),
    constraint open_without_a_reason check ((status = 'open') = (reason is null)),
    constraint matched_by_hand_to_a_payout check ((matched_store_id is null) = (matched_withdrawal_id is null) and (matched_store_id is null or reason = 'matched_by_hand')),
    constraint proposed_by_a_person check ((proposed_by is null) = (proposed_at is null) and (status <> 'proposed' or proposed_by is not null) and (status <> 'open' or proposed_by is null)),
    constraint closed_by_another_person check (closed_by <> proposed_by),
    constraint closed_at_a_moment check ((status = 'closed') = (closed_at is not null) and (closed_at is null) = (closed_by is null)),
    constraint closed_by_two check (status <> 'closed' or proposed_by is not null or closed_by = 'reconciliation')
);
create index breaks_open on breaks (rail, break_id) where status <> 'closed';
create index breaks_of_a_day on breaks (rail, day);
create unique index one_break_per_line on breaks (rail, day, line_number) where line_number is not null;
create unique index one_break_per_payout on breaks (store_id, withdrawal_id, match_kind) where store_id is not null;
create unique index one_break_per_missing_day on breaks (rail, day) where kind = 'day_missing';

-- Who did what to a break, in order; only ever added to.
create table break_moves (
    break_id uuid        not null references breaks (break_id),
    number   integer     not null,
    move     text        not null check (move in ('proposed', 'declined', 'closed')),
    author   text        not null,
    reason   text,
    note     text,
    moved_at timestamptz not null,
    primary key (break_id, number)
);

-- What the books have as booked on a day, and as come back.
create index withdrawals_booked on withdrawals (booked_on) where booked_on is not null;
create index withdrawals_came_back on withdrawals (came_back_on) where came_back_on is not null;

-- What stores' bill detail is read from.

-- The report of withdrawals, refreshed every 5 minutes (C3). A row tells what became of the withdrawals a store asked for on one
-- local day. It can be made anew from withdrawals at any time, and refers to no table that orders lock. Sums of money stop at the
-- largest bigint.
create table withdrawal_days (
    store_id        text   not null,
    day             date   not null,
    currency        text   not null,
    asked           bigint not null,
    accepted        bigint not null,  -- of those asked, the ones that were not refused
    accepted_amount bigint not null,
    open            bigint not null,  -- on their way still
    paid            bigint not null,
    paid_net        bigint not null,  -- what arrived
    fees            bigint not null,  -- of those paid, and what failed ones were charged (D5)
    canceled        bigint not null,
    failed          bigint not null,  -- by the bank
    returned        bigint not null,  -- back to balances, of those failed and canceled
    on_time         bigint not null,  -- of those paid, by the day they were booked: not after the expected day,
    by_latest       bigint not null,  -- after it but not after the latest,
    late            bigint not null,  -- after that (D1)
    disputed        bigint not null,  -- whose fee is doubted (D4)
    refused         jsonb  not null,  -- how many by reason
    failed_by_bank  jsonb  not null,  -- how many by the bank's code
    primary key (store_id, day, currency),
    constraint every_request_is_somewhere check (accepted <= asked and accepted = open + paid + canceled + failed),
    constraint every_arrival_judged check (paid = on_time + by_latest + late)
);
create index withdrawal_days_by_day on withdrawal_days (day);

-- The same of all stores together.
create table withdrawal_days_of_all (
    day             date   not null,
    currency        text   not null,
    asked           bigint not null,
    accepted        bigint not null,  -- of those asked, the ones that were not refused
    accepted_amount bigint not null,
    open            bigint not null,  -- on their way still
    paid            bigint not null,
    paid_net        bigint not null,  -- what arrived
    fees            bigint not null,  -- of those paid, and what failed ones were charged (D5)
    canceled        bigint not null,
    failed          bigint not null,  -- by the bank
    returned        bigint not null,  -- back to balances, of those failed and canceled
    on_time         bigint not null,  -- of those paid, by the day they were booked: not after the expected day,
    by_latest       bigint not null,  -- after it but not after the latest,
    late            bigint not null,  -- after that (D1)
    disputed        bigint not null,  -- whose fee is doubted (D4)
    refused         jsonb  not null,  -- how many by reason
    failed_by_bank  jsonb  not null,  -- how many by the bank's code
    primary key (day, currency)
);

create table report_refreshes (
    name       text primary key,
    as_of      timestamptz,              -- what the report tells was so at this moment
    store_days integer not null default 0 -- how many rows the last refresh looked at anew
);
insert into report_refreshes (name) values ('withdrawals');

-- How a refresh finds what changed since the last one, without looking through history.
create index journals_of_ended_withdrawals on journals (recorded_at)
    where kind in ('payout_paid', 'payout_failed', 'payout_returned', 'withdrawal_canceled');
create index fee_disputes_by_recording on fee_disputes (recorded_at);

-- What each month of a store came to, from its journals: written once when the month is over, and never changed.
create table store_months (
    store_id      text        not null references stores (store_id),
    month         date        not null check (extract(day from month) = 1),
    currency      text        not null,
    first_journal bigint      not null check (first_journal > 0),
    last_journal  bigint      not null check (last_journal >= first_journal - 1),  -- before the first one: a month without any
    head          bytea       not null check (octet_length(head) = 32),            -- of the chain, where the month ends
    opening       bigint[]    not null check (cardinality(opening) = 3),           -- store_balance, store_liability, payout_clearing
    closing       bigint[]    not null check (cardinality(closing) = 3),
    lines         jsonb       not null,
    recorded_at   timestamptz not null,
    primary key (store_id, month)
);
