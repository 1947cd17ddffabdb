-- name: newest_versions
-- The newest version of each calendar, and whether an open withdrawal still rests on an older one.
select v.name, v.number, v.imported_by,
       exists (select from withdrawals w
               where w.due_at is not null and w.calendar = v.name and w.calendar_number < v.number) as outdated
from (select distinct on (name) name, number, imported_by from calendar_versions order by name, number desc) v;

-- name: lock_outdated
-- What another transaction holds is left: it is outdated still when that has ended.
select w.store_id, w.withdrawal_id, w.asked_at, w.asked_on, w.amount, w.currency, w.arrives_on, w.latest_on, w.due_at
from withdrawals w
where w.due_at is not null and w.calendar = $1 and w.calendar_number < $2
limit $3 for update skip locked;

-- name: redate
update withdrawals w
set arrives_on = v.arrives_on, latest_on = v.latest_on, due_at = v.due_at, calendar_number = $6
from unnest($1::text[], $2::uuid[], $3::date[], $4::date[], $5::timestamptz[])
    as v (store_id, withdrawal_id, arrives_on, latest_on, due_at)
where w.store_id = v.store_id and w.withdrawal_id = v.withdrawal_id;

-- name: insert_redatings
insert into withdrawal_redatings (store_id, withdrawal_id, calendar, calendar_number, from_arrives_on, to_arrives_on,
                                  from_latest_on, to_latest_on, author, recorded_at)
select store_id, withdrawal_id, $7, $8, from_arrives_on, to_arrives_on, from_latest_on, to_latest_on, $9, $10
from unnest($1::text[], $2::uuid[], $3::date[], $4::date[], $5::date[], $6::date[])
    as r (store_id, withdrawal_id, from_arrives_on, to_arrives_on, from_latest_on, to_latest_on);

-- name: redatings_of
select calendar, calendar_number, from_arrives_on, to_arrives_on, from_latest_on, to_latest_on, author, recorded_at
from withdrawal_redatings where store_id = $1 and withdrawal_id = $2
order by recorded_at, calendar, calendar_number;

-- name: withdrawal_exists
select exists (select from withdrawals where store_id = $1 and withdrawal_id = $2);
