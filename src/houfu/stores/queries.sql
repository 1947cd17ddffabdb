-- name: put_store
insert into stores (store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
on conflict (store_id) do update set name = excluded.name, owner_id = excluded.owner_id, level = excluded.level,
    opened_on = excluded.opened_on, phone_kind = excluded.phone_kind, category = excluded.category,
    updated_at = excluded.updated_at
returning store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at, (xmax = 0) as created;

-- name: store
select store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at
from stores where store_id = $1;

-- name: stores_after
select store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at
from stores where store_id > $1 order by store_id limit $2;

-- name: store_exists
select exists (select from stores where store_id = $1);

-- name: newest_metrics
select month, revision, orders, gmv, dsr_description, dsr_service, dsr_logistics, return_rate_bp, good_review_bp,
       complaint_bp, recorded_at
from store_metrics where store_id = $1 and month = $2 order by revision desc limit 1;

-- name: insert_metrics
insert into store_metrics (store_id, month, revision, orders, gmv, dsr_description, dsr_service, dsr_logistics,
                           return_rate_bp, good_review_bp, complaint_bp, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (store_id, month, revision) do nothing
returning month, revision, orders, gmv, dsr_description, dsr_service, dsr_logistics, return_rate_bp, good_review_bp,
          complaint_bp, recorded_at;

-- name: metrics_before
select distinct on (month) month, revision, orders, gmv, dsr_description, dsr_service, dsr_logistics, return_rate_bp,
       good_review_bp, complaint_bp, recorded_at
from store_metrics where store_id = $1 and ($2::date is null or month < $2) order by month desc, revision desc limit $3;

-- name: insert_fact
insert into store_facts (store_id, fact_id, kind, occurred_at, recorded_at, author, note)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: facts_before
select store_id, fact_id, kind, occurred_at, recorded_at, author, note
from store_facts where store_id = $1 and ($2::uuid is null or fact_id < $2) order by fact_id desc limit $3;

-- name: put_bank_account
-- $7 who vouches for it, null where its own store puts it. What says nothing new changes nothing, and returns no row.
insert into bank_accounts as b (store_id, bank_account_id, holder, number, bank_code, recorded_at, updated_at, verified_at, verified_by)
values ($1, $2, $3, $4, $5, $6::timestamptz, $6, case when $7::text is not null then $6::timestamptz end, $7)
on conflict (store_id, bank_account_id) do update set
    holder = excluded.holder, number = excluded.number, bank_code = excluded.bank_code, updated_at = excluded.updated_at,
    changed_at = case when (b.holder, b.number, b.bank_code) is distinct from (excluded.holder, excluded.number, excluded.bank_code)
                      then excluded.updated_at else b.changed_at end,
    verified_at = excluded.verified_at, verified_by = excluded.verified_by
where (b.holder, b.number, b.bank_code) is distinct from (excluded.holder, excluded.number, excluded.bank_code)
   or b.verified_at is null and excluded.verified_at is not null
returning b.*, (xmax = 0) as created;

-- name: verify_bank_account
-- Who vouched first stays.
update bank_accounts set verified_at = coalesce(verified_at, $3), verified_by = coalesce(verified_by, $4)
where store_id = $1 and bank_account_id = $2
returning *;

-- name: bank_account
select * from bank_accounts where store_id = $1 and bank_account_id = $2;

-- name: bank_accounts_after
select * from bank_accounts where store_id = $1 and bank_account_id > $2 order by bank_account_id limit $3;
