-- name: standings
-- $2 now, $3 the local day, $4 when the local year began, $5 the first day that may still count: for a large one, or for the
-- last 24 hours; $6 large share, $7 24 hours before now, null where no rule asks what came since then. One statement, by the
-- indexes withdrawals_by_day and withdrawals_by_payment. Whether the store asked before is a lookup with a limit, made where no
-- recent one tells: as `exists` it would be planned as a hash of all withdrawals there are.
select s.store_id, s.opened_on, coalesce(marks.frozen, false), coalesce(marks.high_risk, false),
       recent.count > 0 or coalesce((select true from withdrawals w
                                     where w.store_id = s.store_id and w.status in ('scheduled', 'in_transit', 'paid')
                                     limit 1), false) as asked_before,
       (select coalesce(sum(w.amount), 0)::bigint from withdrawals w
        where w.store_id = s.store_id and w.status = 'paid' and w.paid_at >= $4) as prior_year_total,
       recent.day_count, recent.day_amount, recent.last_large_on, recent.hours_24_at, recent.hours_24_amounts,
       b.currency, b.seq, b.head, -balance.balance, liability.balance
from unnest($1::text[]) as asked (store_id)
join stores s on s.store_id = asked.store_id
left join books b on b.store_id = s.store_id
left join balances balance on balance.store_id = s.store_id and balance.account = 'store_balance'
left join balances liability on liability.store_id = s.store_id and liability.account = 'store_liability'
cross join lateral (
    select (array_agg(f.kind = 'funds_frozen' order by f.occurred_at desc, f.fact_id desc)
            filter (where f.kind in ('funds_frozen', 'funds_released')))[1] as frozen,
           (array_agg(f.kind = 'high_risk_marked' order by f.occurred_at desc, f.fact_id desc)
            filter (where f.kind in ('high_risk_marked', 'high_risk_cleared')))[1] as high_risk
    from store_facts f
    where f.store_id = s.store_id and f.occurred_at <= $2
) marks
cross join lateral (
    select count(*) as count, count(*) filter (where w.asked_on = $3) as day_count,
           (coalesce(sum(w.amount) filter (where w.asked_on = $3), 0))::bigint as day_amount,
           max(w.asked_on) filter (where w.limit_total > 0 and w.amount::numeric * 10000 > w.limit_total::numeric * $6::int) as last_large_on,
           array_agg(w.asked_at) filter (where w.asked_at > $7) as hours_24_at,
           array_agg(w.amount) filter (where w.asked_at > $7) as hours_24_amounts
    from withdrawals w
    where w.store_id = s.store_id and w.asked_on >= $5::date and w.status in ('scheduled', 'in_transit', 'paid')
) recent;

-- name: payees
select b.store_id, b.bank_account_id, b.holder, b.number, b.bank_code, b.verified_at is not null as verified, b.changed_at
from unnest($1::text[], $2::text[]) as asked (store_id, bank_account_id)
join bank_accounts b on b.store_id = asked.store_id and b.bank_account_id = asked.bank_account_id;

-- name: insert_withdrawals
-- $2 now, $3 the local day. And what each store's day came to of its limit (B11), $6 and $7: for those that have a limit.
with noted as (
    update lines l set day_withdrawn_share_bp = greatest(l.day_withdrawn_share_bp, v.share_bp)
    from unnest($6::text[], $7::integer[]) as v (store_id, share_bp)
    where l.store_id = v.store_id
)
insert into withdrawals (store_id, withdrawal_id, status, reason, currency, amount, fee, fee_rule, liability_collected, net,
                         bank_account_id, holder, number, bank_code, warnings, facts, fee_breakdown, limit_total, author,
                         arrives_on, latest_on, due_at, journal_seq, asked_at, asked_on, recorded_at, calendar, calendar_number)
select w.*, $2, $3, $2, $4, $5 from unnest($1::new_withdrawal[]) as w;

-- name: measure_shares_anew
-- The highest share of the limit withdrawn in one day since the line's assessment (B11), rounded up, after one that
-- had counted counts no more. A day's share is what the day had come to at each of its withdrawals.
update lines l set day_withdrawn_share_bp = coalesce((
    select max(least(2147483647, ceil(day.amount::numeric * 10000 / day.limit_total)))::integer
    from (
        select w.asked_at, w.limit_total, sum(w.amount) over (partition by w.asked_on order by w.withdrawal_id) as amount
        from withdrawals w
        where w.store_id = l.store_id and w.status in ('scheduled', 'in_transit', 'paid')
          and w.asked_on >= (a.occurred_at - interval '1 day')::date
    ) day
    where day.limit_total > 0 and day.asked_at >= a.occurred_at
), 0)
from assessments a
where l.store_id = any($1::text[]) and a.store_id = l.store_id and a.assessment_id = l.assessment_id;

-- name: lock_withdrawals
select w.*
from unnest($1::text[], $2::uuid[]) as asked (store_id, withdrawal_id)
join withdrawals w on w.store_id = asked.store_id and w.withdrawal_id = asked.withdrawal_id
order by w.store_id, w.withdrawal_id for update of w;

-- name: end_withdrawals
update withdrawals w
set status = v.status, reason = v.reason, returned = v.returned, paid_at = v.paid_at, failed_at = v.failed_at,
    canceled_at = v.canceled_at, canceled_by = v.canceled_by, paid_seq = v.paid_seq, bank_reference = v.bank_reference,
    bank_reason = v.bank_reason, bank_words = v.bank_words, booked_on = v.booked_on, came_back_on = v.came_back_on, due_at = null
from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[],
            $8::timestamptz[], $9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::date[], $15::date[])
    as v (store_id, withdrawal_id, status, reason, returned, paid_at, failed_at, canceled_at, canceled_by, paid_seq,
          bank_reference, bank_reason, bank_words, booked_on, came_back_on)
where w.store_id = v.store_id and w.withdrawal_id = v.withdrawal_id;

-- name: read_withdrawal
select w.*
from withdrawals w where w.store_id = $1 and w.withdrawal_id = $2;

-- name: withdrawals_of_store
select w.* from withdrawals w
where w.store_id = $6
  and ($1::text is null or w.status = $1)
  and ($2::timestamptz is null or w.asked_at >= $2)
  and ($3::timestamptz is null or w.asked_at < $3)
  and ($4::uuid is null or w.withdrawal_id < $4)
  and w.withdrawal_id between $7::uuid and $8::uuid and w.amount between $9 and $10
order by w.withdrawal_id desc limit $5;

-- name: withdrawals_of_all
select w.* from withdrawals w
where ($1::text is null or w.status = $1)
  and ($2::timestamptz is null or w.asked_at >= $2)
  and ($3::timestamptz is null or w.asked_at < $3)
  and ($4::uuid is null or (w.withdrawal_id, w.store_id) < ($4, $5::text))
  and w.withdrawal_id between $7::uuid and $8::uuid and w.amount between $9 and $10
order by w.withdrawal_id desc, w.store_id desc limit $6;
