-- Taking up a statement. $1 is the rail, $2 the statement's day, wherever both are wanted.

-- name: open_rail
insert into reconciled_rails (rail) values ($1) on conflict do nothing;

-- name: lock_rail
select from reconciled_rails where rail = $1 for update;

-- name: statement
select statement_id, currency, content_sha256, working_before from bank_statements where rail = $1 and day = $2;

-- name: statement_before
select day, opening, closing from bank_statements where rail = $1 and day < $2 order by day desc limit 1;

-- name: statement_after
select day, opening, closing from bank_statements where rail = $1 and day > $2 order by day limit 1;

-- name: insert_statement
insert into bank_statements (rail, day, statement_id, currency, opening, closing, credits, debits, entries, working_before,
                             content_sha256, report_sha256, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: payments
-- What the books know of the withdrawals $1: the fields of a Payment, in their order.
select w.store_id, w.withdrawal_id, w.net, w.currency, w.status, b.rail, w.booked_on is not null as booked,
       p.day as payment_day, r.day as return_day
from unnest($1::uuid[]) as named (id)
join withdrawals w on w.withdrawal_id = named.id
left join payout_batches b on b.batch_id = w.batch_id
left join line_matches p on p.store_id = w.store_id and p.withdrawal_id = w.withdrawal_id and p.kind = 'payment'
left join line_matches r on r.store_id = w.store_id and r.withdrawal_id = w.withdrawal_id and r.kind = 'return';

-- name: repeated_references
select distinct reference from bank_lines where rail = $1 and reference = any($2::text[]) and day <> $3;

-- name: payouts_by_account
-- $2 currency, $3 payment or return, $4 and $5 the days around it, then lines: their numbers, amounts, accounts.
-- A line is a payout's where each is the only one of its amount and account.
with payouts as materialized (
    select w.store_id, w.withdrawal_id, w.net, w.number, w.status
    from payout_batches b
    join withdrawals w on w.batch_id = b.batch_id
    left join line_matches m on m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = $3
    where b.rail = $1 and b.execution_on between $4::date - 14 and $5::date + 14 and w.currency = $2 and m.store_id is null
      and case $3 when 'payment' then (w.status = 'in_transit' or w.booked_on is not null) and coalesce(w.booked_on, w.arrives_on) between $4 and $5
          else w.booked_on between $4 and $5 end
),
pairs as (
    select l.number, p.store_id, p.withdrawal_id, p.status,
           count(*) over (partition by l.number) as payouts, count(*) over (partition by p.store_id, p.withdrawal_id) as lines
    from unnest($6::integer[], $7::bigint[], $8::text[]) as l (number, amount, account)
    join payouts p on p.net = l.amount and p.number = l.account
)
select number, store_id, withdrawal_id, status from pairs where payouts = 1 and lines = 1;

-- name: suggest_payouts
-- $2 currency, $3 and $4 the days around it, then lines: their numbers, amounts, whether credits, names, accounts.
-- The best payout for each, with the rule that found it.
with lines as materialized (
    select * from unnest($5::integer[], $6::bigint[], $7::boolean[], $8::text[], $9::text[]) as l (number, amount, credit, name, account)
),
payouts as materialized (
    select w.store_id, w.withdrawal_id, w.net, w.number, w.holder, k.credit, count(*) over (partition by k.credit, w.net) as alike
    from payout_batches b
    join withdrawals w on w.batch_id = b.batch_id
    cross join (values (false, 'payment'), (true, 'return')) as k (credit, kind)
    left join line_matches m on m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = k.kind
    where b.rail = $1 and b.execution_on between $3::date - 14 and $4::date + 14 and w.currency = $2 and m.store_id is null
      and (w.booked_on is not null or w.status = 'in_transit' and not k.credit)
      and coalesce(w.booked_on, w.arrives_on) between $3 and $4
      and w.net in (select amount from lines)
),
found as (
    select l.number, p.store_id, p.withdrawal_id, 'account' as rule, 90 as score
    from lines l join payouts p on p.net = l.amount and p.credit = l.credit and p.number = l.account
    union all
    select l.number, p.store_id, p.withdrawal_id, 'name', 80
    from lines l join payouts p on p.net = l.amount and p.credit = l.credit and p.holder = l.name
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
where w.currency = $3
  and not exists (select from line_matches m where m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = w.kind)
  and not exists (select from breaks k where k.store_id = w.store_id and k.withdrawal_id = w.withdrawal_id and k.match_kind = w.kind)
  and exists (select from bank_statements s where s.rail = $1 and s.day > $4 and w.on_day > s.working_before and w.on_day <= s.day)
order by w.withdrawal_id, w.kind desc;

-- name: insert_breaks
insert into breaks (break_id, rail, day, kind, currency, amount, line_number, store_id, withdrawal_id, match_kind, suggested_store_id,
                    suggested_withdrawal_id, suggested_score, why_zh, why_en, status, opened_at)
select b.id, $1, b.day, b.kind, $2, b.amount, b.line, b.store, b.withdrawal, b.match_kind, b.like_store, b.like_withdrawal, b.score, b.zh, b.en,
       'open', $3
from unnest($4::uuid[], $5::date[], $6::text[], $7::bigint[], $8::integer[], $9::text[], $10::uuid[], $11::text[], $12::text[],
            $13::uuid[], $14::smallint[], $15::text[], $16::text[])
     as b (id, day, kind, amount, line, store, withdrawal, match_kind, like_store, like_withdrawal, score, zh, en);

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
                      proposed_by = null, proposed_at = null, closed_by = $4, closed_at = $3, moves = moves + 1
    where break_id = any($1::uuid[]) and status <> 'closed'
    returning break_id, moves
)
insert into break_moves (break_id, number, move, author, reason, note, moved_at)
select break_id, moves, 'closed', $4, $2, null, $3 from closed;

-- name: missing_days
-- Of the days $2, those without a statement and without a break that says so.
select d.day from unnest($2::date[]) as d (day)
where not exists (select from bank_statements s where s.rail = $1 and s.day = d.day)
  and not exists (select from breaks k where k.rail = $1 and k.day = d.day and k.kind = 'day_missing');

-- name: matches_of_day
select number, store_id, withdrawal_id, kind, matched_by from line_matches where rail = $1 and day = $2;

-- name: statuses
select w.store_id, w.withdrawal_id, w.status
from unnest($1::text[], $2::uuid[]) as named (store_id, id)
join withdrawals w on w.store_id = named.store_id and w.withdrawal_id = named.id;
