-- name: published
select v.version, v.sha, v.document, p.effective_from
from policy_publications p join policy_versions v on v.version = p.version
order by p.effective_from;

-- name: started_trials
select v.version, v.sha, v.document, t.kind, coalesce(t.share_bp, 0) as share_bp, t.started_at, t.ended_at
from policy_trials t join policy_versions v on v.version = t.version
where t.started_at is not null
order by t.started_at, t.version;

-- name: book_mark
select (select count(*) from policy_publications), count(*), count(ended_at) from policy_trials where started_at is not null;

-- name: propose
insert into policy_versions (version, name, sha, document, effective_from, author, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: proposal
select version, name, sha, document, effective_from, author, recorded_at from policy_versions where version = $1;

-- name: publication
select v.version, v.name, v.sha, p.author, p.approved_by, p.effective_from, v.effective_from as asked_from, p.recorded_at
from policy_publications p join policy_versions v on v.version = p.version
where p.version = $1;

-- name: publish
insert into policy_publications (version, effective_from, author, approved_by, recorded_at) values ($1, $2, $3, $4, $5);

-- name: every_version
select v.version, v.name, v.sha, v.author, v.recorded_at as proposed_at, v.effective_from as asked_from,
    p.approved_by, p.recorded_at as approved_at, t.effective_from, t.effective_to
from policy_versions v
left join policy_publications p on p.version = v.version
left join policy_periods t on t.version = v.version
where ($1::integer is null or v.version < $1) and ($2::integer is null or v.version = $2)
order by v.version desc
limit $3;

-- name: put_trial
insert into policy_trials (version, trial, kind, share_bp, author, proposed_at, started_at)
select $1, coalesce(max(trial), 0) + 1, $2, $3, $4, $5, $6 from policy_trials where version = $1;

-- name: approve_trial
update policy_trials set approved_by = $2, started_at = $3
where version = $1 and kind = 'challenger' and ended_at is null and started_at is null;

-- name: end_trial
update policy_trials set ended_by = $2, ended_at = $3 where version = $1 and ended_at is null;

-- name: trials
select version, kind, share_bp, author, proposed_at, approved_by, started_at, ended_by, ended_at
from policy_trials
where $1::integer is null or version = $1
order by proposed_at desc, version, trial desc;

-- name: open_shadows
select count(*) from policy_trials where kind = 'shadow' and ended_at is null;

-- name: open_challenger
select exists (select from policy_trials where kind = 'challenger' and ended_at is null);

-- name: shadow_report
with counted as (
    select count(*) as decisions, count(error) as errors
    from shadow_decisions
    where policy_version = $1 and occurred_at >= $2 and ($3::timestamptz is null or occurred_at < $3)
), paired as (
    select distinct on (s.store_id) a.assessment_id is not null as has_live,
        (a.decision ->> 'total')::bigint as live, (s.decision ->> 'total')::bigint as candidate,
        (a.decision ->> 'zeroed')::boolean as live_zeroed, (s.decision ->> 'zeroed')::boolean as candidate_zeroed
    from shadow_decisions s
    left join assessments a on a.store_id = s.store_id and a.assessment_id = s.assessment_id
    where s.policy_version = $1 and s.decision is not null
        and s.occurred_at >= $2 and ($3::timestamptz is null or s.occurred_at < $3)
    order by s.store_id, s.occurred_at desc, s.assessment_id desc
)
select counted.decisions, counted.errors,
    count(*) filter (where not has_live) as unpaired,
    count(live) as stores,
    count(*) filter (where candidate > live) as gain,
    count(*) filter (where candidate < live) as lose,
    count(*) filter (where candidate = live) as keep,
    count(*) filter (where live_zeroed) as zeroed_live,
    count(*) filter (where has_live and candidate_zeroed) as zeroed_candidate,
    coalesce(sum(live), 0) as live_total,
    coalesce(sum(candidate) filter (where has_live), 0) as candidate_total,
    coalesce(sum(candidate - live) filter (where candidate > live), 0) as gained,
    coalesce(sum(live - candidate) filter (where candidate < live), 0) as lost
from counted left join paired on true
group by counted.decisions, counted.errors;

-- name: shadow_moves
select store_id, live as live_total, candidate as candidate_total from (
    select distinct on (s.store_id) s.store_id,
        (a.decision ->> 'total')::bigint as live, (s.decision ->> 'total')::bigint as candidate
    from shadow_decisions s
    join assessments a on a.store_id = s.store_id and a.assessment_id = s.assessment_id
    where s.policy_version = $1 and s.decision is not null
        and s.occurred_at >= $2 and ($3::timestamptz is null or s.occurred_at < $3)
    order by s.store_id, s.occurred_at desc, s.assessment_id desc
) newest
where live <> candidate
order by abs(candidate - live) desc, store_id
limit $4;

-- name: shadow_errors
select error, count(*) as decisions from shadow_decisions
where policy_version = $1 and error is not null
    and occurred_at >= $2 and ($3::timestamptz is null or occurred_at < $3)
group by error order by count(*) desc, error limit $4;

-- name: challenger_report
select is_challenger, count(*) as stores, sum(decisions) as decisions, sum(total) as total,
    count(*) filter (where zeroed) as zeroed, count(*) filter (where referred) as referred
from (
    select distinct on (store_id) policy_version = $1 as is_challenger, count(*) over (partition by store_id) as decisions,
        (decision ->> 'total')::bigint as total, (decision ->> 'zeroed')::boolean as zeroed,
        decision -> 'referred_by' <> '[]'::jsonb as referred
    from assessments
    where occurred_at >= $2 and ($3::timestamptz is null or occurred_at < $3)
    order by store_id, occurred_at desc, assessment_id desc
) newest
group by is_challenger;

-- name: insert_shadow_decisions
insert into shadow_decisions (policy_version, store_id, assessment_id, policy_sha, inputs, decision, error, occurred_at, recorded_at)
select policy_version, store_id, assessment_id, policy_sha, inputs::jsonb, decision::jsonb, error, $8, $8
from unnest($1::integer[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[])
    as s (policy_version, store_id, assessment_id, policy_sha, inputs, decision, error);

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

-- name: document_of
select document from policy_versions where sha = $1;

-- name: decisions_about
select sum(greatest(reltuples, 0))::bigint from pg_class where oid in ('assessments'::regclass, 'shadow_decisions'::regclass);

-- name: assessments_from
select policy_version, policy_sha, store_id, assessment_id, inputs, decision from assessments
where ($1::text is null or store_id = $1) and ($2::uuid is null or assessment_id = $2)
    and (store_id, assessment_id) > ($4, $5::uuid)
order by store_id, assessment_id limit $3;

-- name: shadows_from
select policy_version, policy_sha, store_id, assessment_id, inputs, decision from shadow_decisions
where ($1::text is null or store_id = $1) and ($2::uuid is null or assessment_id = $2)
    and (policy_version, store_id, assessment_id) > ($4, $5, $6::uuid) and decision is not null
order by policy_version, store_id, assessment_id limit $3;
