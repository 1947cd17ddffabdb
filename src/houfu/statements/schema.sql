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
