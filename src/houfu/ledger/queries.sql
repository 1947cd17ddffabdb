-- name: open_books
insert into books (store_id, currency)
select store_id, $2 from unnest($1::text[]) as s (store_id)
on conflict (store_id) do nothing;

-- name: open_balances
insert into balances (store_id, account, currency)
select store_id, account, $2 from unnest($1::text[]) as s (store_id) cross join chart_of_accounts
on conflict (store_id, account) do nothing;

-- name: load_books
select b.store_id, b.currency, b.seq, b.head, balance.balance as store_balance, liability.balance as store_liability
from books b
join balances balance on balance.store_id = b.store_id and balance.account = 'store_balance'
join balances liability on liability.store_id = b.store_id and liability.account = 'store_liability'
where b.store_id = any($1::text[]);

-- name: record
-- One round trip for all three tables: the caller holds the stores' lines, and each store and account is named once.
with moved_books as (
    update books b set seq = v.seq, head = v.head
    from unnest($12::text[], $13::bigint[], $14::bytea[]) as v (store_id, seq, head)
    where b.store_id = v.store_id
), moved_balances as (
    update balances b set balance = b.balance + v.delta
    from unnest($15::text[], $16::text[], $17::bigint[]) as v (store_id, account, delta)
    where b.store_id = v.store_id and b.account = v.account
)
insert into journals (store_id, seq, kind, currency, accounts, amounts, subject, reverses, occurred_at, recorded_at, hash)
select store_id, seq, kind, currency, accounts::text[], amounts::bigint[], subject, reverses, occurred_at, recorded_at, hash
from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::bigint[],
            $9::timestamptz[], $10::timestamptz[], $11::bytea[])
    as j (store_id, seq, kind, currency, accounts, amounts, subject, reverses, occurred_at, recorded_at, hash);

-- name: journal_of
select seq, accounts, amounts from journals where store_id = $1 and seq = $2;

-- name: balances_now
select account, balance, currency from balances where store_id = $1 order by account;

-- name: balances_recorded_by
select account, sum(amount)::bigint as balance from postings
where store_id = $1 and recorded_at <= $2 group by account order by account;

-- name: balances_occurred_by
select account, sum(amount)::bigint as balance from postings
where store_id = $1 and occurred_at <= $2 group by account order by account;
