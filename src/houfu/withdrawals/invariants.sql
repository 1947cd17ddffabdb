-- What always holds between withdrawals and books. Same form as ledger/invariants.sql.

-- name: clearing_follows_from_withdrawals
select b.store_id, 'payout_clearing' as place, 'the balance is ' || b.balance || ', open withdrawals give ' || -coalesce(w.net, 0) as finding
from balances b
left join (
    select store_id, sum(net) as net from withdrawals
    where store_id between $1 and $2 and status in ('scheduled', 'in_transit') group by store_id
) w on w.store_id = b.store_id
where b.account = 'payout_clearing' and b.store_id between $1 and $2 and b.balance <> -coalesce(w.net, 0)
order by b.store_id limit 1;

-- name: fees_follow_from_withdrawals
select b.store_id, 'fee_income' as place, 'the balance is ' || b.balance || ', withdrawals give ' || -coalesce(w.fees, 0) as finding
from balances b
left join (
    select store_id, sum(case when status in ('failed', 'canceled') then amount - returned else fee end) as fees from withdrawals
    where store_id between $1 and $2 and status <> 'refused' group by store_id
) w on w.store_id = b.store_id
where b.account = 'fee_income' and b.store_id between $1 and $2 and b.balance <> -coalesce(w.fees, 0)
order by b.store_id limit 1;

-- name: withdrawals_are_reserved_by_their_journal
select w.store_id, 'withdrawal ' || w.withdrawal_id as place, 'journal ' || w.journal_seq || ' does not reserve it' as finding
from withdrawals w
left join journals j on j.store_id = w.store_id and j.seq = w.journal_seq and j.kind = 'withdrawal' and j.subject = w.withdrawal_id
    and j.store_id between $1 and $2
where w.store_id between $1 and $2 and w.status <> 'refused' and j.amounts[1] is distinct from w.amount
order by w.store_id, w.withdrawal_id limit 1;

-- name: withdrawals_end_once_in_the_books
select w.store_id, 'withdrawal ' || w.withdrawal_id as place,
       'it is ' || w.status || ', the books hold ' || coalesce(j.paid, 0) || ' payments and ' || coalesce(j.reversed, 0) || ' reversals of it' as finding
from withdrawals w
left join (
    select store_id, subject, count(*) filter (where kind = 'payout_paid') as paid, count(reverses) as reversed
    from journals where store_id between $1 and $2 and (kind = 'payout_paid' or reverses is not null)
    group by store_id, subject
) j on j.store_id = w.store_id and j.subject = w.withdrawal_id
where w.store_id between $1 and $2
  and (coalesce(j.paid, 0) <> (w.paid_at is not null)::int
       or coalesce(j.reversed, 0) <> (w.status in ('failed', 'canceled'))::int + (w.came_back_on is not null)::int)
order by w.store_id, w.withdrawal_id limit 1;

-- name: withdrawals_are_of_a_store
select w.store_id, 'withdrawal ' || w.withdrawal_id as place, 'there is no such store' as finding
from withdrawals w left join stores s on s.store_id = w.store_id
where w.store_id between $1 and $2 and s.store_id is null
order by w.store_id, w.withdrawal_id limit 1;
