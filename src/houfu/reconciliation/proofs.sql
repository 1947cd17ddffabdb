-- The days' proofs: what the bank says of a day beside what the books say.

-- name: days
-- Days of rail $1, from $2 to $3, newest first, at most $4. `since`: the day after which bookings belong to the statement.
-- Signed sums say how much left the account.
with said as (
    select s.*, greatest(s.working_before, before.day) as since, before.day as day_before, before.closing as closing_before
    from bank_statements s
    left join lateral (
        select e.day, e.closing from bank_statements e where e.rail = s.rail and e.day < s.day order by e.day desc limit 1
    ) before on true
    where s.rail = $1 and s.day between $2 and $3
    order by s.day desc limit $4
)
select s.rail, s.day, s.statement_id, s.currency, s.opening, s.credits, s.debits, s.closing, s.entries, s.recorded_at,
       s.opening = s.closing_before as opening_follows,
       m.matched, m.unsettled, m.of_other_days, p.payments, p.paid, p.shown_elsewhere as paid_elsewhere,
       r.returns, r.came_back, r.shown_elsewhere as came_back_elsewhere,
       k.open_breaks, k.open_amount, k.closed_breaks, k.closed_amount
from said s
cross join lateral (
    select count(*) as matched, count(*) filter (where x.on_day is null) as unsettled,
           coalesce(sum(case x.kind when 'payment' then x.amount else -x.amount end)
                    filter (where x.on_day <= s.since or x.on_day > s.day), 0)::bigint as of_other_days
    from (
        select m.kind, m.amount, case m.kind when 'payment' then w.booked_on else w.came_back_on end as on_day
        from line_matches m join withdrawals w on w.store_id = m.store_id and w.withdrawal_id = m.withdrawal_id
        where m.rail = s.rail and m.day = s.day
    ) x
) m
cross join lateral (
    select count(*) as payments, coalesce(sum(w.net), 0)::bigint as paid,
           coalesce(sum(w.net) filter (where m.day <> s.day), 0)::bigint as shown_elsewhere
    from withdrawals w
    join payout_batches b on b.batch_id = w.batch_id
    left join line_matches m on m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = 'payment'
    where w.booked_on > s.since and w.booked_on <= s.day and b.rail = s.rail and w.currency = s.currency
) p
cross join lateral (
    select count(*) as returns, coalesce(sum(w.net), 0)::bigint as came_back,
           coalesce(sum(w.net) filter (where m.day <> s.day), 0)::bigint as shown_elsewhere
    from withdrawals w
    join payout_batches b on b.batch_id = w.batch_id
    left join line_matches m on m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = 'return'
    where w.came_back_on > s.since and w.came_back_on <= s.day and b.rail = s.rail and w.currency = s.currency
) r
cross join lateral (
    select count(*) filter (where k.status <> 'closed') as open_breaks,
           coalesce(sum(k.amount) filter (where k.status <> 'closed' and x.stands), 0)::bigint as open_amount,
           count(*) filter (where k.status = 'closed') as closed_breaks,
           coalesce(sum(k.amount) filter (where k.status = 'closed' and x.stands), 0)::bigint as closed_amount
    from breaks k
    cross join lateral (
        -- What has been matched since explains nothing any more.
        select k.kind <> 'opening_differs'
           and not exists (select from line_matches m where m.rail = k.rail and m.day = k.day and m.number = k.line_number)
           and not exists (select from line_matches m where m.store_id = k.store_id and m.withdrawal_id = k.withdrawal_id and m.kind = k.match_kind)
               as stands
    ) x
    where k.rail = s.rail and k.day > s.since and k.day <= s.day and k.kind <> 'day_missing'
) k
order by s.day desc;

-- name: days_without_statement
-- Days of rail $1, from $2 to $3, on which the books have bookings or a statement is missed, and no statement speaks of.
select d.day, bool_or(d.missed) as missed
from (
    select k.day, k.status <> 'closed' as missed from breaks k where k.rail = $1 and k.kind = 'day_missing'
    union all
    select w.booked_on, false from withdrawals w join payout_batches b on b.batch_id = w.batch_id and b.rail = $1
    where w.booked_on between $2 and $3
    union all
    select w.came_back_on, false from withdrawals w join payout_batches b on b.batch_id = w.batch_id and b.rail = $1
    where w.came_back_on between $2 and $3
) d
where d.day between $2 and $3
  and not exists (select from bank_statements s where s.rail = $1 and d.day > s.working_before and d.day <= s.day)
group by d.day order by d.day desc;

-- name: statements
-- Statements of all rails or of $1, newest day first, from the place ($2, $3) on.
select rail, day, statement_id, currency, opening, credits, debits, closing, entries, recorded_at
from bank_statements
where ($1::text is null or rail = $1) and ($2::date is null or (day, rail) < ($2, $3::text))
order by day desc, rail desc limit $4;

-- name: lines
-- Lines of a statement from number $3 on: all, or only those with or without a payout ($4).
select l.number, l.reference, l.amount, l.credit, l.booked_on, l.end_to_end_id, l.counterparty_name, l.counterparty_number,
       l.return_reason, l.words, m.store_id, m.withdrawal_id, m.kind as match_kind, m.matched_by
from bank_lines l
left join line_matches m on m.rail = l.rail and m.day = l.day and m.number = l.number
where l.rail = $1 and l.day = $2 and l.number > $3 and ($4::boolean is null or (m.number is not null) = $4)
order by l.number limit $5;
