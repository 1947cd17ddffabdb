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
