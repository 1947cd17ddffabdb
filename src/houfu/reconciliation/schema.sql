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
