-- name: lock_facilities
select partner, currency, committed, allocated from facilities
where partner = any($1::text[]) or partner in (select partner from allocations where store_id = any($2::text[]))
order by partner for update;

-- name: allocations_of
select store_id, partner, amount from allocations where store_id = any($1::text[]);

-- name: facilities
select partner, currency, committed, allocated from facilities order by partner;

-- name: put_facility
insert into facilities (partner, currency, committed, updated_at, updated_by) values ($1, $2, $3, $4, $5)
on conflict (partner) do update set committed = excluded.committed, updated_at = excluded.updated_at, updated_by = excluded.updated_by
where facilities.currency = excluded.currency
returning partner, currency, committed, allocated;

-- name: update_facilities
update facilities f set allocated = v.allocated, updated_at = $3
from unnest($1::text[], $2::bigint[]) as v (partner, allocated) where f.partner = v.partner and f.allocated <> v.allocated;

-- name: put_allocations
insert into allocations (store_id, partner, amount, updated_at)
select store_id, partner, amount, $4 from unnest($1::text[], $2::text[], $3::bigint[]) as v (store_id, partner, amount)
on conflict (store_id) do update set partner = excluded.partner, amount = excluded.amount, updated_at = excluded.updated_at;

-- name: delete_allocations
delete from allocations where store_id = any($1::text[]);
