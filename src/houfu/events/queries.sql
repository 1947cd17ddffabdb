-- name: count_up
-- In the order of the stores: senders that meet wait for each other in one order.
insert into message_boxes as box (store_id, last_seq)
select store_id, sent from unnest($1::text[], $2::bigint[]) as c (store_id, sent)
on conflict (store_id) do update set last_seq = box.last_seq + excluded.last_seq
returning store_id, last_seq;

-- name: insert_messages
insert into messages (store_id, seq, message_id, kind, message_zh, message_en, data, occurred_at, recorded_at)
select store_id, seq, message_id, kind, message_zh, message_en, data, occurred_at, $9
from unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::jsonb[], $8::timestamptz[])
    as m (store_id, seq, message_id, kind, message_zh, message_en, data, occurred_at);

-- name: inbox
select store_id, seq, message_id, kind, message_zh, message_en, data, occurred_at, recorded_at
from messages
where store_id = $1 and ($2::bigint is null or seq < $2) and ($3::text is null or kind = $3)
order by seq desc limit $4;

-- name: store_exists
select exists (select from stores where store_id = $1);
