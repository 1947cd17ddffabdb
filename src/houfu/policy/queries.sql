-- name: published
select version, name, sha, document, effective_from from policy_versions order by effective_from, version;

-- name: versions
select version from policy_versions;

-- name: publish
insert into policy_versions (version, name, sha, document, effective_from, recorded_at, author)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: store_facts_of
select store_id, level, opened_on, phone_kind from stores where store_id = any($1::text[]);

-- name: months_of
select distinct on (store_id, month) store_id, month, orders, gmv, dsr_description, dsr_service, dsr_logistics, return_rate_bp, good_review_bp, complaint_bp
from store_metrics where store_id = any($1::text[]) and month >= $2
order by store_id, month, revision desc;

-- name: facts_of
select store_id, kind, occurred_at from store_facts where store_id = any($1::text[]) order by store_id, occurred_at, fact_id;

-- name: insert_assessments
insert into assessments (store_id, assessment_id, policy_version, policy_sha, inputs, decision, cause, author, occurred_at, recorded_at)
select store_id, assessment_id, policy_version, policy_sha, inputs::jsonb, decision::jsonb, $7, $8, $9, $9
from unnest($1::text[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[])
    as a (store_id, assessment_id, policy_version, policy_sha, inputs, decision);

-- name: assessment
select decision, occurred_at from assessments where store_id = $1 and assessment_id = $2;
