-- name: put_stores
insert into stores (store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at)
select store_id, name, owner_id, level, opened_on, phone_kind, category, $8, $8
from unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::date[], $6::text[], $7::text[])
    as s (store_id, name, owner_id, level, opened_on, phone_kind, category)
order by store_id
on conflict (store_id) do update set name = excluded.name, owner_id = excluded.owner_id, level = excluded.level,
    opened_on = excluded.opened_on, phone_kind = excluded.phone_kind, category = excluded.category,
    updated_at = excluded.updated_at
where (stores.name, stores.owner_id, stores.level, stores.opened_on, stores.phone_kind, stores.category)
    is distinct from (excluded.name, excluded.owner_id, excluded.level, excluded.opened_on, excluded.phone_kind, excluded.category);

-- name: put_metrics
-- A month that says nothing new is left alone; a correction is a new revision.
insert into store_metrics (store_id, month, revision, orders, gmv, dsr_description, dsr_service, dsr_logistics,
                           return_rate_bp, good_review_bp, complaint_bp, recorded_at)
select m.store_id, m.month, coalesce(newest.revision, 0) + 1, m.orders, m.gmv, m.dsr_description, m.dsr_service,
       m.dsr_logistics, m.return_rate_bp, m.good_review_bp, m.complaint_bp, $11
from unnest($1::text[], $2::date[], $3::bigint[], $4::bigint[], $5::smallint[], $6::smallint[], $7::smallint[],
            $8::smallint[], $9::smallint[], $10::smallint[])
    as m (store_id, month, orders, gmv, dsr_description, dsr_service, dsr_logistics, return_rate_bp, good_review_bp, complaint_bp)
left join lateral (
    select * from store_metrics known where known.store_id = m.store_id and known.month = m.month
    order by known.revision desc limit 1
) newest on true
where newest.revision is null
   or (newest.orders, newest.gmv, newest.dsr_description, newest.dsr_service, newest.dsr_logistics, newest.return_rate_bp,
       newest.good_review_bp, newest.complaint_bp)
      is distinct from (m.orders, m.gmv, m.dsr_description, m.dsr_service, m.dsr_logistics, m.return_rate_bp, m.good_review_bp, m.complaint_bp);

-- name: known_store_ids
select store_id from stores;

-- name: stores_with_line
select store_id from lines where store_id = any($1::text[]);
