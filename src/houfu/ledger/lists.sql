-- What a page of entries looks through, in three ways: from the last journal back, from the latest moment back, or the
-- journals of one order. Each looks at $14 journals at most, whatever the store's past. $1 the store, $2 its accounts to
-- show, $3 a kind or null, $4 and $5 moments, $6 and $7 journals, $8 and $9 amounts, $10 an order's id or null,
-- $11 and $12 the journal and line of the entry that was shown last, $13 how many entries.

-- name: journals_by_place
select * from journals j
where j.store_id = $1 and j.seq between $6 and $7 and j.seq <= $11
order by j.seq desc limit $14;

-- name: journals_by_time
select * from journals j
where j.store_id = $1 and j.occurred_at >= $4
  -- One bound above, so that the search begins there.
  and (j.occurred_at, j.seq) <= (coalesce((select at.occurred_at from journals at where at.store_id = $1 and at.seq = $11),
                                          $5::timestamptz - interval '1 microsecond'), $11)
order by j.occurred_at desc, j.seq desc limit $14;

-- name: journals_of_order
-- An order that drew nothing has no journals; of those that did, the index on open orders knows all.
select * from journals j
where j.store_id = $1 and j.seq <= $11 and j.subject = any(array(
    select a.authorization_id from authorizations a
    where a.store_id = $1 and a.order_id = $10 and a.reason is null and a.freed < a.amount))
order by j.seq desc limit $14;

-- name: entries
select j.store_id, j.seq, p.line, j.kind, p.account, p.amount, j.currency, j.subject, j.reverses, j.occurred_at, j.recorded_at,
       chart.type in ('asset', 'expense') as grows_by_debit,
       (select a.order_id from authorizations a where a.store_id = j.store_id and a.authorization_id = j.subject) as order_id
from j cross join lateral unnest(j.accounts, j.amounts) with ordinality as p (account, amount, line)
join chart_of_accounts chart using (account)
where p.account = any($2::text[]) and ($3::text is null or j.kind = $3) and ($10::text is null or j.subject is not null)
  and j.occurred_at >= $4 and j.occurred_at < $5 and j.seq between $6 and $7 and abs(p.amount) between $8 and $9
  and (j.seq <> $11 or p.line > $12);

-- name: page
-- The order and the statements above stand where the names with a colon are.
with j as materialized (:journals)
select (select seq from j order by :order offset $14 - 1) as looked_to, e.*
from (values (1)) as one left join lateral (:entries order by :order, line limit $13) e on true
order by :order, line;

-- name: currency_of_books
select currency from books where store_id = $1;

-- name: store_exists
select exists (select from stores where store_id = $1);

-- name: chart
select account, type in ('asset', 'expense') as grows_by_debit, merchant_visible, name_zh, name_en
from chart_of_accounts order by account;
