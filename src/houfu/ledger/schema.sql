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
