-- Taking up a statement. $1 is the rail, $2 the statement's day, wherever both are wanted.

-- name: open_rail
insert into reconciled_rails (rail) values ($1) on conflict do nothing;

-- name: lock_rail
select from reconciled_rails where rail = $1 for update;

-- name: statement
select statement_id, opening, closing, entries, content_sha256, working_before from bank_statements where rail = $1 and day = $2;

-- name: statement_before
select day, opening, closing from bank_statements where rail = $1 and day < $2 order by day desc limit 1;

-- name: statement_after
select day, opening, closing from bank_statements where rail = $1 and day > $2 order by day limit 1;

-- name: insert_statement
insert into bank_statements (rail, day, statement_id, currency, opening, closing, credits, debits, entries, working_before,
                             content_sha256, report_sha256, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: match_by_id
-- $3 currency, $4 credits or debits, $5 now. The earliest line that fits is the payout's; one with another amount is nobody's.
insert into line_matches (rail, day, number, store_id, withdrawal_id, kind, amount, matched_by, recorded_at)
select distinct on (w.store_id, w.withdrawal_id)
       l.rail, l.day, l.number, w.store_id, w.withdrawal_id, k.kind, l.amount, 'id', $5
from bank_lines l
join withdrawals w on w.withdrawal_id = l.payment_id
join payout_batches b on b.batch_id = w.batch_id and b.rail = l.rail
cross join (select case when $4 then 'return' else 'payment' end as kind) k
where l.rail = $1 and l.day = $2 and l.credit = $4 and l.amount = w.net and w.currency = $3
  and (w.booked_on is not null or case when $4
       then exists (select from line_matches p where p.store_id = w.store_id and p.withdrawal_id = w.withdrawal_id and p.kind = 'payment')
       else w.status = 'in_transit' end)
order by w.store_id, w.withdrawal_id, l.number
on conflict on constraint one_line_per_payout do nothing;

-- name: lines_without_id
select exists (select from bank_lines where rail = $1 and day = $2 and payment_id is null and counterparty_number is not null);

-- name: match_by_account
-- $3 currency, $4 now, $5 and $6 the days around it. A debit without an id is a payout's where each is the only one of its amount and account.
with payouts as materialized (
    select w.store_id, w.withdrawal_id, w.net, w.number
    from payout_batches b
    join withdrawals w on w.batch_id = b.batch_id
    left join line_matches m on m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = 'payment'
    where b.rail = $1 and b.execution_on between $5::date - 14 and $6::date + 14 and w.currency = $3 and m.store_id is null
      and (w.status = 'in_transit' or w.booked_on is not null) and coalesce(w.booked_on, w.arrives_on) between $5 and $6
),
pairs as (
    select l.number, p.store_id, p.withdrawal_id, l.amount,
           count(*) over (partition by l.number) as payouts, count(*) over (partition by p.store_id, p.withdrawal_id) as lines
    from bank_lines l
    join payouts p on p.net = l.amount and p.number = l.counterparty_number
    where l.rail = $1 and l.day = $2 and not l.credit and l.payment_id is null
)
insert into line_matches (rail, day, number, store_id, withdrawal_id, kind, amount, matched_by, recorded_at)
select $1, $2, number, store_id, withdrawal_id, 'payment', amount, 'amount_date_name', $4 from pairs where payouts = 1 and lines = 1;

-- name: match_returns_by_account
-- As match_by_account, of credits that the bank calls returns.
with payouts as materialized (
    select w.store_id, w.withdrawal_id, w.net, w.number
    from payout_batches b
    join withdrawals w on w.batch_id = b.batch_id
    left join line_matches m on m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = 'return'
    where b.rail = $1 and b.execution_on between $5::date - 14 and $6::date + 14 and w.currency = $3 and m.store_id is null
      and w.booked_on between $5 and $6
),
pairs as (
    select l.number, p.store_id, p.withdrawal_id, l.amount,
           count(*) over (partition by l.number) as payouts, count(*) over (partition by p.store_id, p.withdrawal_id) as lines
    from bank_lines l
    join payouts p on p.net = l.amount and p.number = l.counterparty_number
    where l.rail = $1 and l.day = $2 and l.credit and l.payment_id is null and l.return_reason is not null
)
insert into line_matches (rail, day, number, store_id, withdrawal_id, kind, amount, matched_by, recorded_at)
select $1, $2, number, store_id, withdrawal_id, 'return', amount, 'amount_date_name', $4 from pairs where payouts = 1 and lines = 1;

-- name: unmatched_lines
-- The day's lines that are nobody's, each with the withdrawal its id names. `taken`: that one has its line, on `taken_day`.
select l.number, l.amount, l.credit, w.store_id, w.withdrawal_id, w.net, w.status, w.currency, b.rail as its_rail,
       taken.day as taken_day,
       exists (select from bank_lines e where e.rail = l.rail and e.reference = l.reference and (e.day < l.day or e.day = l.day and e.number < l.number)) as repeated
from bank_lines l
left join line_matches m on m.rail = l.rail and m.day = l.day and m.number = l.number
left join withdrawals w on w.withdrawal_id = l.payment_id
left join payout_batches b on b.batch_id = w.batch_id
left join line_matches taken on taken.store_id = w.store_id and taken.withdrawal_id = w.withdrawal_id
                            and taken.kind = case when l.credit then 'return' else 'payment' end
where l.rail = $1 and l.day = $2 and m.number is null
order by l.number;

-- name: suggest_payouts
-- $3 currency, $4 and $5 the days around it, $6 the numbers of lines that are nobody's. The best payout for each, with the rule that found it.
with lines as materialized (
    select number, amount, credit, counterparty_name, counterparty_number
    from bank_lines where rail = $1 and day = $2 and number = any($6::integer[])
),
payouts as materialized (
    select w.store_id, w.withdrawal_id, w.net, w.number, w.holder, k.credit, count(*) over (partition by k.credit, w.net) as alike
    from payout_batches b
    join withdrawals w on w.batch_id = b.batch_id
    cross join (values (false, 'payment'), (true, 'return')) as k (credit, kind)
    left join line_matches m on m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = k.kind
    where b.rail = $1 and b.execution_on between $4::date - 14 and $5::date + 14 and w.currency = $3 and m.store_id is null
      and (w.booked_on is not null or w.status = 'in_transit' and not k.credit)
      and coalesce(w.booked_on, w.arrives_on) between $4 and $5
      and w.net in (select amount from lines)
),
found as (
    select l.number, p.store_id, p.withdrawal_id, 'account' as rule, 90 as score
    from lines l join payouts p on p.net = l.amount and p.credit = l.credit and p.number = l.counterparty_number
    union all
    select l.number, p.store_id, p.withdrawal_id, 'name', 80
    from lines l join payouts p on p.net = l.amount and p.credit = l.credit and p.holder = l.counterparty_name
    union all
    select l.number, p.store_id, p.withdrawal_id, 'amount', 50
    from lines l join payouts p on p.net = l.amount and p.credit = l.credit and p.alike = 1
)
select distinct on (number) number, store_id, withdrawal_id, rule, score
from found order by number, score desc, withdrawal_id;

-- name: payouts_without_line
-- $3 currency, $4 the day after which bookings are looked at. What the books have as booked on days that statements speak of,
-- and none shows.
select w.store_id, w.withdrawal_id, w.net, w.kind, w.on_day
from (
    select store_id, withdrawal_id, batch_id, currency, net, 'payment' as kind, booked_on as on_day
    from withdrawals where booked_on > $4 and booked_on <= $2
    union all
    select store_id, withdrawal_id, batch_id, currency, net, 'return', came_back_on
    from withdrawals where came_back_on > $4 and came_back_on <= $2
) w
join payout_batches b on b.batch_id = w.batch_id and b.rail = $1
left join line_matches m on m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = w.kind
left join breaks k on k.store_id = w.store_id and k.withdrawal_id = w.withdrawal_id and k.match_kind = w.kind
where w.currency = $3 and m.store_id is null and k.break_id is null
  and exists (select from bank_statements s where s.rail = $1 and s.day > $4 and w.on_day > s.working_before and w.on_day <= s.day)
order by w.withdrawal_id, w.kind desc;

-- name: insert_breaks
insert into breaks (break_id, rail, day, kind, currency, amount, line_number, store_id, withdrawal_id, match_kind, suggested_store_id,
                    suggested_withdrawal_id, suggested_score, why_zh, why_en, status, opened_at)
select b.*, 'open', $16
from unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $5::text[], $6::bigint[], $7::integer[], $8::text[], $9::uuid[], $10::text[],
            $11::text[], $12::uuid[], $13::smallint[], $14::text[], $15::text[]) b;

-- name: breaks_whose_line_came
-- Open breaks of payouts that have a line by now.
select k.break_id from breaks k
join line_matches m on m.store_id = k.store_id and m.withdrawal_id = k.withdrawal_id and m.kind = k.match_kind
where k.rail = $1 and k.status <> 'closed' and k.kind = 'payout_without_line';

-- name: breaks_about_statement
-- The breaks of a day of one kind: day_missing, opening_differs.
select break_id, amount, status from breaks where rail = $1 and day = $2 and kind = $3;

-- name: close_by_itself
with closed as (
    update breaks set status = 'closed', reason = $2, note = null, matched_store_id = null, matched_withdrawal_id = null,
                      proposed_by = null, proposed_at = null, closed_by = 'reconciliation', closed_at = $3, moves = moves + 1
    where break_id = any($1::uuid[]) and status <> 'closed'
    returning break_id, moves
)
insert into break_moves (break_id, number, move, author, reason, note, moved_at)
select break_id, moves, 'closed', 'reconciliation', $2, null, $3 from closed;

-- name: missing_days
-- Of the days $2, those without a statement and without a break that says so.
select d.day from unnest($2::date[]) as d (day)
where not exists (select from bank_statements s where s.rail = $1 and s.day = d.day)
  and not exists (select from breaks k where k.rail = $1 and k.day = d.day and k.kind = 'day_missing');

-- name: news_of_day
-- What the day's lines say that the books do not know: payments in transit that were booked, payments that came back.
select m.kind, w.withdrawal_id, l.booked_on, l.reference, l.return_reason, l.words
from line_matches m
join bank_lines l on l.rail = m.rail and l.day = m.day and l.number = m.number
join withdrawals w on w.store_id = m.store_id and w.withdrawal_id = m.withdrawal_id
where m.rail = $1 and m.day = $2
  and case m.kind when 'payment' then w.status = 'in_transit' else w.status in ('in_transit', 'paid') end
order by m.kind, m.number;

-- name: count_matches
select count(*) filter (where matched_by = 'id') as by_id, count(*) filter (where matched_by <> 'id') as by_account
from line_matches where rail = $1 and day = $2;
