-- What is exported, as text that can be shown. Money is exact: minor units times 0.01 is a decimal of two places. Moments are
-- local to the programme ($2), seconds cut. Where $3 says so, a text that a spreadsheet would take for a formula is led by a quote.

-- name: export_entries
-- $1 the store, $4 its accounts to show, $5 those of them that grow by debits, $6 their names, $7 kinds in words, $8 a kind or
-- null, $9 and $10 moments, $11 and $12 journals, $13 and $14 amounts, $15 an order's id or null. In the order in which
-- things occurred. An order's id is looked up entry by entry: joining would have to sort, and hold all of them.
select j.seq as journal, p.line, j.occurred, j.recorded, coalesce($7::jsonb ->> j.kind, j.kind) as kind,
       coalesce($6::jsonb ->> p.account, p.account) as account,
       case when p.account = any($5::text[]) then p.amount else -p.amount end * 0.01 as amount, j.currency,
       case when $3::boolean and ascii(j.order_id) in (9, 10, 13, 43, 45, 61, 64, 65291, 65293, 65309, 65312)
            then '''' || j.order_id else j.order_id end as order_id,
       j.subject, j.reverses
from (
    select j.seq, j.kind, j.accounts, j.amounts, j.currency, j.reverses, j.occurred_at,
           date_trunc('second', j.occurred_at at time zone $2::text) as occurred,
           date_trunc('second', j.recorded_at at time zone $2::text) as recorded,
           (select translate(a.order_id, E'\t\r\n', '   ') from authorizations a
            where a.store_id = j.store_id and a.authorization_id = j.subject) as order_id,
           case when j.kind in ('capture', 'repay', 'return', 'default') then 'auth_' else 'wd_' end
               || replace(j.subject::text, '-', '') || '.' || j.store_id as subject
    from journals j
    where j.store_id = $1::text and ($8::text is null or j.kind = $8::text)
      and j.occurred_at >= $9::timestamptz and j.occurred_at < $10::timestamptz
      and j.seq between $11::bigint and $12::bigint
      and ($15::text is null or j.subject in (
          select a.authorization_id from authorizations a
          where a.store_id = $1::text and a.order_id = $15::text and a.reason is null and a.freed < a.amount))
    order by j.occurred_at, j.seq
) j
cross join lateral unnest(j.accounts, j.amounts) with ordinality as p (account, amount, line)
where p.account = any($4::text[]) and abs(p.amount) between $13::bigint and $14::bigint
order by j.occurred_at, j.seq;

-- name: export_withdrawals
-- $1 the store or null for all, $4 statuses in words, $5 fee rules in words, $6 reasons in words, $7 a status or null,
-- $8 and $9 moments, $10 and $11 amounts. Oldest first.
select w.store_id, 'wd_' || replace(w.withdrawal_id::text, '-', '') || '.' || w.store_id as id,
       date_trunc('second', w.asked_at at time zone $2::text) as asked, coalesce($4::jsonb ->> w.status, w.status) as status,
       w.amount * 0.01 as amount, w.fee * 0.01 as fee, coalesce($5::jsonb ->> w.fee_rule, w.fee_rule) as fee_rule,
       w.liability_collected * 0.01 as liability_collected, w.net * 0.01 as net, w.returned * 0.01 as returned, w.currency,
       case when $3::boolean and ascii(cleaned.holder) in (9, 10, 13, 43, 45, 61, 64, 65291, 65293, 65309, 65312)
            then '''' || cleaned.holder else cleaned.holder end as holder,
       '**** ' || right(w.number, 4) as number, w.arrives_on, w.latest_on,
       date_trunc('second', coalesce(w.failed_at, w.paid_at, w.canceled_at) at time zone $2::text) as ended,
       coalesce($6::jsonb ->> w.reason, w.reason) as reason
from withdrawals w
cross join lateral (select translate(w.holder, E'\t\r\n', '   ') as holder) cleaned
where ($1::text is null or w.store_id = $1::text) and ($7::text is null or w.status = $7::text)
  and w.asked_at >= $8::timestamptz and w.asked_at < $9::timestamptz and w.amount between $10::bigint and $11::bigint
order by w.withdrawal_id, w.store_id;

-- name: count_rows
-- The statement stands where its name with a colon is.
select count(*) from (select from (:rows) r limit :most) counted;
