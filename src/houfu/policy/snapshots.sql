-- name: stores_page
select store_id, category, level, opened_on, phone_kind, recorded_at
from stores where store_id > $1 order by store_id limit $2;

-- name: count_stores
select count(*) from stores;

-- name: revisions
select store_id, recorded_at, month, orders, gmv, dsr_description, dsr_service, dsr_logistics, return_rate_bp, good_review_bp,
       complaint_bp
from store_metrics where store_id = any($1::text[]) and month >= $2 and month < $3
order by store_id, month, revision;

-- name: facts
select store_id, recorded_at, kind, occurred_at
from store_facts where store_id = any($1::text[]) and occurred_at <= $2
order by store_id, occurred_at, fact_id;

-- name: assessments
select store_id, occurred_at, recorded_at, (inputs ->> 'level')::integer, (inputs ->> 'virtual_phone')::integer
from assessments where store_id = any($1::text[]) and recorded_at <= $2
order by store_id, occurred_at, assessment_id;

-- name: withdrawals
select store_id, asked_at, asked_on, amount, limit_total, coalesce(failed_at, canceled_at)
from withdrawals where store_id = any($1::text[]) and status <> 'refused' and asked_at <= $2
order by store_id, asked_on, withdrawal_id;

-- name: ordered
select store_id, date_trunc('month', authorized_at at time zone $4)::date, sum(amount)::bigint
from authorizations
where store_id = any($1::text[]) and reason is null and authorized_at >= $2 and authorized_at < $3
group by 1, 2;

-- name: committed
select partner, committed from facilities;
