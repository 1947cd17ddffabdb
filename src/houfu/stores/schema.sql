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
