-- name: month
select store_id, month, currency, first_journal, last_journal, head, opening, closing, lines
from store_months where store_id = $1 and month = $2;

-- name: last_month
select store_id, month, currency, first_journal, last_journal, head, opening, closing, lines
from store_months where store_id = $1 order by month desc limit 1;

-- name: months
select month from store_months where store_id = $1 order by month desc;

-- name: first_journal
select recorded_at, currency from journals where store_id = $1 and seq = 1;

-- name: last_journal
-- The journal before the first one after $2 that was recorded at $3 or later; the last of all where there is none, or no $3.
select coalesce(
    (select j.seq - 1 from journals j
     where j.store_id = $1 and j.seq > $2 and j.recorded_at >= $3::timestamptz order by j.seq limit 1),
    (select b.seq from books b where b.store_id = $1));

-- name: hash_of
select hash from journals where store_id = $1 and seq = $2;

-- name: moved
-- What each kind of journal after $2 up to $3 added to the store's accounts and took from them. A posting whose others all lie
-- on the other side is told in as many parts as there are others: together they are the posting, for a journal sums to zero.
select p.account, j.kind, part.account as part,
       sum(greatest(part.grew, 0)) as inflow, -sum(least(part.grew, 0)) as outflow, count(*) as entries
from journals j
cross join lateral unnest(j.accounts, j.amounts) as p (account, amount)
cross join lateral (
    select cardinality(j.accounts) > 2
           and not exists (select from unnest(j.accounts, j.amounts) as o (account, amount)
                           where o.account <> p.account and sign(o.amount) = sign(p.amount)) as in_parts,
           case p.account when 'store_liability' then 1 else -1 end as growing
) how
cross join lateral (
    select o.account, -o.amount * how.growing as grew
    from unnest(j.accounts, j.amounts) as o (account, amount) where how.in_parts and o.account <> p.account
    union all
    select null, p.amount * how.growing where not how.in_parts
) part
where j.store_id = $1 and j.seq > $2 and j.seq <= $3
  and p.account in ('store_balance', 'store_liability', 'payout_clearing')
group by p.account, j.kind, part.account
order by p.account, j.kind, part.account nulls first;

-- name: keep_month
insert into store_months (store_id, month, currency, first_journal, last_journal, head, opening, closing, lines, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (store_id, month) do nothing;
