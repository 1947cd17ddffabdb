-- name: wallets
-- What stores see of their money and their limit.
select l.store_id, -b.balance as balance, l.total, greatest(l.total - l.used, 0) as available
from lines l join balances b on b.store_id = l.store_id and b.account = 'store_balance'
where l.store_id = any($1::text[]);

-- name: stores
select category, count(*) as stores, coalesce(sum(l.total), 0)::bigint as total, coalesce(sum(l.used), 0)::bigint as used,
       count(*) filter (where l.total = 0) as without_limit
from stores s left join lines l on l.store_id = s.store_id group by category order by category;

-- name: orders
select coalesce(reason, '') as reason, count(*) as count, coalesce(sum(amount), 0)::bigint as amount
from authorizations group by 1 order by 2 desc, 1;

-- name: movements
select kind, count(*) as count, coalesce(sum(amount), 0)::bigint as amount
from movements where reason is null group by kind;

-- name: advanced
select count(*) as count, coalesce(sum(amount), 0)::bigint as amount
from (select -(select sum(p.amount) from unnest(accounts, amounts) as p (account, amount) where p.account = 'store_balance') as amount
      from journals where kind = 'capture') advance;

-- name: withdrawals
select status, coalesce(reason, '') as reason, count(*) as count, coalesce(sum(amount), 0)::bigint as amount
from withdrawals group by 1, 2 order by 1, 3 desc, 2;

-- name: reviews
select r.rule, count(*) as count, coalesce(sum(w.amount), 0)::bigint as amount
from reviews r join withdrawals w on w.store_id = r.store_id and w.withdrawal_id = r.withdrawal_id
group by r.rule order by 2 desc, 1;

-- name: reviews_decided
select status, count(*) as count from reviews where status <> 'open' group by status order by status;

-- name: balances
select account, balance::bigint as balance from trial_balance where currency = $1;

-- name: months
-- $1 the programme's time zone.
with months as (
    select date_trunc('month', authorized_at at time zone $1)::date as month,
           count(*) filter (where reason is null) as authorized, count(*) filter (where reason is not null) as refused,
           0::numeric as advanced, 0::numeric as repaid, 0::numeric as returned, 0::numeric as defaulted, 0::numeric as withdrawn
    from authorizations group by 1
    union all
    select date_trunc('month', occurred_at at time zone $1)::date, 0, 0,
           sum(amount) filter (where kind = 'capture'), sum(amount) filter (where kind = 'repay'),
           sum(amount) filter (where kind = 'return'), sum(amount) filter (where kind = 'default'), 0
    from movements where reason is null group by 1
    union all
    select date_trunc('month', asked_at at time zone $1)::date, 0, 0, 0, 0, 0, 0, sum(amount)
    from withdrawals where status in ('scheduled', 'in_transit', 'paid') group by 1
), granted as (
    select month, sum(delta) over (order by month) as total from (
        select date_trunc('month', occurred_at at time zone $1)::date as month, sum(to_total - from_total) as delta
        from line_changes group by 1
    ) change
)
select m.month, sum(authorized)::bigint as authorized, sum(refused)::bigint as refused, coalesce(sum(advanced), 0)::bigint as advanced,
       coalesce(sum(repaid), 0)::bigint as repaid, coalesce(sum(returned), 0)::bigint as returned,
       coalesce(sum(defaulted), 0)::bigint as defaulted, coalesce(sum(withdrawn), 0)::bigint as withdrawn,
       coalesce((select g.total from granted g where g.month <= m.month order by g.month desc limit 1), 0)::bigint as granted
from months m group by m.month order by m.month;

-- name: books
-- One hash over the ends of all chains: two runs with the same one wrote the same books.
select encode(sha256(coalesce(string_agg(head, ''::bytea order by store_id), ''::bytea)), 'hex') from books;

-- name: well_chosen_store
-- A store worth looking at: its line is open and used, it has money and a history.
select l.store_id from lines l
join balances b on b.store_id = l.store_id and b.account = 'store_balance'
where l.status = 'open' and l.total > 0 and l.used > 0 and l.used < l.total and b.balance < 0
order by (select count(*) from line_changes c where c.store_id = l.store_id) desc, l.used desc, l.store_id limit 1;
