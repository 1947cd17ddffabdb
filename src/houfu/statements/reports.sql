-- The report of withdrawals: a row per store and local day on which they were asked, and the sum of stores per day. Nothing here
-- locks a row that a request or an order needs: withdrawals are read as they were when a statement began.

-- name: limit_cost
select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
       set_config('max_parallel_workers_per_gather', '0', true), set_config('synchronous_commit', 'off', true);

-- name: begin_refresh
-- No row: another worker is at it.
select as_of from report_refreshes where name = $1 for update skip locked;

-- name: end_refresh
update report_refreshes set as_of = $2, store_days = $3 where name = $1;

-- name: touched_days
-- $1: the least id of a moment, $2: that moment. What was asked since then, what a journal says moved, and whose fee was doubted.
select store_id, asked_on from (
    select w.store_id, w.asked_on from withdrawals w where w.withdrawal_id >= $1
    union
    select w.store_id, w.asked_on
    from journals j join withdrawals w on w.store_id = j.store_id and w.withdrawal_id = j.subject
    where j.recorded_at >= $2 and j.kind in ('payout_paid', 'payout_failed', 'payout_returned', 'withdrawal_canceled')
    union
    select w.store_id, w.asked_on
    from fee_disputes d join withdrawals w on w.store_id = d.store_id and w.withdrawal_id = d.withdrawal_id
    where d.recorded_at >= $2
) touched
order by store_id, asked_on;

-- name: every_day
select distinct store_id, asked_on from withdrawals order by store_id, asked_on;

-- name: recompute_days
with parts as (
    select w.store_id, w.asked_on, w.currency, w.status, coalesce(w.reason, '') as reason,
           coalesce(w.bank_reason, 'MS03') as bank_reason, -- where the bank gave none: the code that says so
           count(*) as asked,
           sum(w.amount) as amount, sum(w.net) as net, sum(w.returned) as returned,
           sum(case w.status when 'paid' then w.fee when 'failed' then w.amount - w.returned else 0 end) as fees,
           count(*) filter (where w.booked_on <= w.arrives_on) as on_time,
           count(*) filter (where w.booked_on <= w.latest_on and (w.booked_on <= w.arrives_on) is not true) as by_latest,
           count(*) filter (where (w.booked_on <= greatest(w.arrives_on, w.latest_on)) is not true) as late,
           count(*) filter (where exists (
               select from fee_disputes d where d.store_id = w.store_id and d.withdrawal_id = w.withdrawal_id)) as disputed
    from unnest($1::text[], $2::date[]) as touched (store_id, asked_on)
    join withdrawals w on w.store_id = touched.store_id and w.asked_on = touched.asked_on
    group by 1, 2, 3, 4, 5, 6
)
insert into withdrawal_days as kept (
    store_id, day, currency, asked, accepted, accepted_amount, open, paid, paid_net, fees, canceled, failed, returned, on_time,
    by_latest, late, disputed, refused, failed_by_bank)
select store_id, asked_on, currency,
       sum(asked), coalesce(sum(asked) filter (where status <> 'refused'), 0),
       least(9223372036854775807, coalesce(sum(amount) filter (where status <> 'refused'), 0)),
       coalesce(sum(asked) filter (where status in ('scheduled', 'in_transit')), 0),
       coalesce(sum(asked) filter (where status = 'paid'), 0),
       least(9223372036854775807, coalesce(sum(net) filter (where status = 'paid'), 0)),
       least(9223372036854775807, sum(fees)),
       coalesce(sum(asked) filter (where status = 'canceled'), 0),
       coalesce(sum(asked) filter (where status = 'failed'), 0),
       least(9223372036854775807, sum(returned)),
       coalesce(sum(on_time) filter (where status = 'paid'), 0),
       coalesce(sum(by_latest) filter (where status = 'paid'), 0),
       coalesce(sum(late) filter (where status = 'paid'), 0),
       sum(disputed),
       coalesce(jsonb_object_agg(reason, asked) filter (where status = 'refused'), '{}'),
       coalesce(jsonb_object_agg(bank_reason, asked) filter (where status = 'failed'), '{}')
from parts
group by store_id, asked_on, currency
order by store_id, asked_on, currency
on conflict (store_id, day, currency) do update
set asked = excluded.asked, accepted = excluded.accepted, accepted_amount = excluded.accepted_amount, open = excluded.open,
    paid = excluded.paid, paid_net = excluded.paid_net, fees = excluded.fees, canceled = excluded.canceled,
    failed = excluded.failed, returned = excluded.returned, on_time = excluded.on_time, by_latest = excluded.by_latest,
    late = excluded.late, disputed = excluded.disputed, refused = excluded.refused, failed_by_bank = excluded.failed_by_bank
where row (kept.asked, kept.accepted, kept.accepted_amount, kept.open, kept.paid, kept.paid_net, kept.fees, kept.canceled,
           kept.failed, kept.returned, kept.on_time, kept.by_latest, kept.late, kept.disputed, kept.refused, kept.failed_by_bank)
      is distinct from
      row (excluded.asked, excluded.accepted, excluded.accepted_amount, excluded.open, excluded.paid, excluded.paid_net,
           excluded.fees, excluded.canceled, excluded.failed, excluded.returned, excluded.on_time, excluded.by_latest,
           excluded.late, excluded.disputed, excluded.refused, excluded.failed_by_bank)
returning day;

-- name: sum_stores
insert into withdrawal_days_of_all (
    day, currency, asked, accepted, accepted_amount, open, paid, paid_net, fees, canceled, failed, returned, on_time,
    by_latest, late, disputed, refused, failed_by_bank)
select d.day, d.currency, sum(d.asked), sum(d.accepted), least(9223372036854775807, sum(d.accepted_amount)), sum(d.open),
       sum(d.paid), least(9223372036854775807, sum(d.paid_net)), least(9223372036854775807, sum(d.fees)), sum(d.canceled),
       sum(d.failed), least(9223372036854775807, sum(d.returned)), sum(d.on_time), sum(d.by_latest), sum(d.late),
       sum(d.disputed), '{}', '{}'
from withdrawal_days d
where d.day = any($1::date[])
group by d.day, d.currency
on conflict (day, currency) do update
set asked = excluded.asked, accepted = excluded.accepted, accepted_amount = excluded.accepted_amount, open = excluded.open,
    paid = excluded.paid, paid_net = excluded.paid_net, fees = excluded.fees, canceled = excluded.canceled,
    failed = excluded.failed, returned = excluded.returned, on_time = excluded.on_time, by_latest = excluded.by_latest,
    late = excluded.late, disputed = excluded.disputed;

-- name: sum_reasons
with counted as (
    select d.day, d.currency, false as by_bank, r.key, sum(r.value::bigint) as count
    from withdrawal_days d, jsonb_each_text(d.refused) r where d.day = any($1::date[]) group by 1, 2, 4
    union all
    select d.day, d.currency, true, r.key, sum(r.value::bigint)
    from withdrawal_days d, jsonb_each_text(d.failed_by_bank) r where d.day = any($1::date[]) group by 1, 2, 4
), maps as (
    select day, currency, coalesce(jsonb_object_agg(key, count) filter (where not by_bank), '{}') as refused,
           coalesce(jsonb_object_agg(key, count) filter (where by_bank), '{}') as failed_by_bank
    from counted group by day, currency
)
update withdrawal_days_of_all a
set refused = coalesce(m.refused, '{}'), failed_by_bank = coalesce(m.failed_by_bank, '{}')
from withdrawal_days_of_all o left join maps m on m.day = o.day and m.currency = o.currency
where o.day = any($1::date[]) and a.day = o.day and a.currency = o.currency;

-- name: as_of
select as_of from report_refreshes where name = $1;

-- name: days_of_store
select day, asked, accepted, accepted_amount, open, paid, paid_net, fees, canceled, failed, returned, on_time, by_latest, late,
       disputed, refused, failed_by_bank
from withdrawal_days where store_id = $1 and day between $2 and $3 and currency = $4 order by day;

-- name: days_of_all
select day, asked, accepted, accepted_amount, open, paid, paid_net, fees, canceled, failed, returned, on_time, by_latest, late,
       disputed, refused, failed_by_bank
from withdrawal_days_of_all where day between $1 and $2 and currency = $3 order by day;
