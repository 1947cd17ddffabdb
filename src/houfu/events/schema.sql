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
