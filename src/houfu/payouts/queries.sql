-- name: due_payments
-- Whoever holds one of these rows is about to cancel it or to take it along.
select w.store_id, w.withdrawal_id, w.net, w.currency, w.holder, w.number, w.bank_code, w.arrives_on
from withdrawals w
where w.status = 'scheduled' and w.due_at <= $1 and w.store_id <> all($2::text[])
order by w.due_at limit $3 for update skip locked;

-- name: frozen_stores
-- Stores whose funds are frozen now, of those that ever were.
select f.store_id
from (select distinct on (f.store_id) f.store_id, f.kind
      from store_facts f
      where f.store_id in (select store_id from store_facts where kind = 'funds_frozen')
        and f.kind in ('funds_frozen', 'funds_released') and f.occurred_at <= $1
      order by f.store_id, f.occurred_at desc, f.fact_id desc) f
where f.kind = 'funds_frozen';

-- name: hold_back
with held as (
    select w.store_id, w.withdrawal_id from withdrawals w
    where w.status = 'scheduled' and w.due_at <= $1 and w.store_id = any($2::text[])
    order by w.store_id, w.withdrawal_id for update skip locked
)
update withdrawals w set due_at = $3
from held h where w.store_id = h.store_id and w.withdrawal_id = h.withdrawal_id;

-- name: insert_batch
insert into payout_batches (batch_id, rail, currency, execution_on, payments, amount, status, made_by, made_at)
values ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8);

-- name: insert_file
insert into payout_files (batch_id, number, message_id, payments, amount, sha256, content, status)
values ($1, $2, $3, $4, $5, $6, $7, 'made');

-- name: put_in_files
-- $1 and $2 payments in the order of the files, $3 the batch, $4 the places where the files begin; $5 and $6 when the bank is first
-- asked about the payments of a day.
update withdrawals w
set status = 'in_transit', batch_id = $3, file_number = width_bucket(v.place, $4::bigint[])::smallint, due_at = d.due_at
from unnest($1::text[], $2::uuid[]) with ordinality as v (store_id, withdrawal_id, place),
     unnest($5::date[], $6::timestamptz[]) as d (arrives_on, due_at)
where w.store_id = v.store_id and w.withdrawal_id = v.withdrawal_id and w.arrives_on = d.arrives_on;

-- name: lock_batch
select batch_id, status, made_by, decided_by from payout_batches where batch_id = $1 for update;

-- name: decide_batch
update payout_batches set status = $2, decided_by = $3, decided_at = $4, decision_note = $5 where batch_id = $1;

-- name: release
with released as (
    select w.store_id, w.withdrawal_id from withdrawals w
    where w.batch_id = $1 order by w.store_id, w.withdrawal_id for update
)
update withdrawals w set status = 'scheduled', batch_id = null, file_number = null, due_at = $2
from released r where w.store_id = r.store_id and w.withdrawal_id = r.withdrawal_id;

-- name: batch
select b.* from payout_batches b where b.batch_id = $1;

-- name: batches
select b.* from payout_batches b
where ($1::text is null or b.status = $1) and ($2::text is null or b.rail = $2) and ($3::uuid is null or b.batch_id < $3)
order by b.batch_id desc limit $4;

-- name: outcomes_of_batches
select w.batch_id, count(*) filter (where w.status = 'paid')::int as paid, count(*) filter (where w.status = 'failed')::int as failed
from withdrawals w where w.batch_id = any($1::uuid[]) group by w.batch_id;

-- name: files
select number, message_id, payments, amount, encode(sha256, 'hex') as sha256, status, attempts, sent_at, answered_at, fault
from payout_files where batch_id = $1 order by number;

-- name: file_content
select content from payout_files where batch_id = $1 and number = $2;

-- name: files_to_send
-- $1: whoever began before this moment and never said how it ended was killed.
select f.batch_id, f.number, b.rail
from payout_files f join payout_batches b on b.batch_id = f.batch_id
where b.status = 'approved' and (f.status = 'made' or f.status = 'sending' and (f.sending_at is null or f.sending_at <= $1))
order by f.message_id limit $2;

-- name: begin_sending
update payout_files f set status = 'sending', attempts = attempts + 1, sending_at = $3
where f.batch_id = $1 and f.number = $2
  and (f.status = 'made' or f.status = 'sending' and (f.sending_at is null or f.sending_at <= $4))
returning f.message_id, f.content, f.attempts;

-- name: not_sending
update payout_files set sending_at = null where batch_id = $1 and number = $2 and status = 'sending';

-- name: file_sent
update payout_files set status = 'sent', sent_at = $3 where batch_id = $1 and number = $2 and status = 'sending';

-- name: file_refused
update payout_files set status = 'rejected', fault = $3 where batch_id = $1 and number = $2 and status = 'sending';

-- name: batch_sent
update payout_batches b set status = 'sent', sent_at = $2
where b.batch_id = $1 and b.status = 'approved'
  and not exists (select from payout_files f where f.batch_id = b.batch_id and f.status in ('made', 'sending'));

-- name: file_answered
update payout_files set status = $2, answered_at = $3, fault = $4
where message_id = $1 and status in ('sending', 'sent', 'accepted') and status <> $2;

-- name: file_of_message
select f.batch_id, f.number, b.rail, f.status from payout_files f join payout_batches b on b.batch_id = f.batch_id where f.message_id = $1;

-- name: payments_of_file
select w.withdrawal_id from withdrawals w where w.batch_id = $1 and w.file_number = $2 order by w.store_id, w.withdrawal_id;

-- name: payments_of_batch
select w.store_id, w.withdrawal_id, w.file_number, w.net, w.currency, w.holder, w.number, w.bank_code, w.status, w.arrives_on,
       w.bank_reference, w.bank_reason
from withdrawals w
where w.batch_id = $1 and ($2::smallint is null or (w.file_number, w.store_id, w.withdrawal_id) > ($2, $3::text, $4::uuid))
order by w.file_number, w.store_id, w.withdrawal_id limit $5;

-- name: stores_of_payments
select w.store_id, w.withdrawal_id, w.status, w.asked_at, w.batch_id is not null as sent
from withdrawals w where w.withdrawal_id = any($1::uuid[]);

-- name: note_references
with noted as (
    select w.store_id, w.withdrawal_id, v.bank_reference
    from unnest($1::text[], $2::uuid[], $3::text[]) as v (store_id, withdrawal_id, bank_reference)
    join withdrawals w on w.store_id = v.store_id and w.withdrawal_id = v.withdrawal_id
    where w.status = 'in_transit' and w.bank_reference is null
    order by w.store_id, w.withdrawal_id for update of w
)
update withdrawals w set bank_reference = n.bank_reference
from noted n where w.store_id = n.store_id and w.withdrawal_id = n.withdrawal_id;

-- name: report
select status, entries, applied from bank_reports where rail = $1 and sha256 = $2;

-- name: insert_report
insert into bank_reports (rail, sha256, name, kind, message_id, status, fault, entries, content, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (rail, sha256) do nothing;

-- name: advance_report
update bank_reports set applied = greatest(applied, $3) where rail = $1 and sha256 = $2;

-- name: unfinished_reports
select name, content from bank_reports where rail = $1 and status = 'taken' and applied < entries order by recorded_at, name;

-- name: reports
select rail, encode(sha256, 'hex') as sha256, name, kind, message_id, status, fault, entries, applied, recorded_at
from bank_reports
where ($1::text is null or rail = $1) and ($2::text is null or status = $2)
  and ($3::timestamptz is null or (recorded_at, rail, sha256) < ($3, $4::text, $5::bytea))
order by recorded_at desc, rail desc, sha256 desc limit $6;

-- name: names_taken
select distinct name from bank_reports where rail = $1 and name = any($2::text[]);

-- name: last_name_taken
-- Of the bank's own names alone: a report that was taken in by hand may be called anything.
select max(name) from bank_reports where rail = $1 and name ~ '^[0-9]{8}T[0-9]{12}Z-';

-- name: rails_with_inquiries
select distinct b.rail from withdrawals w join payout_batches b on b.batch_id = w.batch_id
where w.status = 'in_transit' and w.due_at <= $1;

-- name: put_off_inquiries
with pending as (
    select w.store_id, w.withdrawal_id from withdrawals w
    where w.status = 'in_transit' and w.due_at <= $1 order by w.store_id, w.withdrawal_id for update skip locked
)
update withdrawals w set due_at = $2
from pending p where w.store_id = p.store_id and w.withdrawal_id = p.withdrawal_id;

-- name: next_due
select min(due_at) from withdrawals where due_at is not null;

-- name: bank_files
select seq, content, received_at from simulated_bank_files where rail = $1 and seq > $2 order by seq;

-- name: insert_bank_file
insert into simulated_bank_files (rail, seq, message_id, content, received_at)
select $1, coalesce(max(seq), 0) + 1, $2, $3, $4 from simulated_bank_files where rail = $1;

-- name: bank_file_is
select content = $3 from simulated_bank_files where rail = $1 and message_id = $2;
