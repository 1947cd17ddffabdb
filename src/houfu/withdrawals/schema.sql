-- Withdrawals: what a store asked to be paid out, what it cost, when it arrives.

create table withdrawals (
    store_id            text        not null references stores (store_id),
    withdrawal_id       uuid        not null,
    status              text        not null check (status in ('scheduled', 'in_transit', 'paid', 'failed', 'refused', 'canceled')),
    reason              text,
    currency            text        not null,
    amount              bigint      not null check (amount > 0),
    fee                 bigint      not null default 0 check (fee >= 0),
    fee_rule            text        check (fee_rule in ('first_free', 'rate', 'minimum', 'year_threshold')),
    liability_collected bigint      not null default 0 check (liability_collected >= 0),
    net                 bigint      not null default 0,
    bank_account_id     text        not null,
    warnings            jsonb       not null,
    limit_total         bigint      not null,  -- the line's total when it was asked: what its share of the limit is measured against (B11)
    author              text        not null,
    asked_at            timestamptz not null,
    asked_on            date        not null,  -- the programme's local day
    arrives_on          date,
    latest_on           date,
    due_at              timestamptz,           -- when the worker must look at it next
    journal_seq         bigint,                -- the journal that reserved it
    bank_reference      text,
    paid_at             timestamptz,
    failed_at           timestamptz,
    recorded_at         timestamptz not null,
    primary key (store_id, withdrawal_id),
    constraint refused_or_failed_with_a_reason check ((status in ('refused', 'failed')) = (reason is not null)),
    constraint withdrawal_adds_up check (status = 'refused' or amount = fee + liability_collected + net and net > 0)
);
create index withdrawals_due on withdrawals (due_at) where due_at is not null;
create index withdrawals_by_day on withdrawals (store_id, asked_on);
