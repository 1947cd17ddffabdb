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
