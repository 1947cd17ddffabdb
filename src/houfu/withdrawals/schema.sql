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
