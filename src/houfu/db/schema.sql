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
