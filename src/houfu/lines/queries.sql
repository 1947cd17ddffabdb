-- name: lock_lines
select store_id, status, currency, total, total_until, used, assessment_id, cap, zeroed, rounding, day_withdrawn_share_bp, partner
from lines where store_id = any($1::text[]) order by store_id for update;

-- name: lock_stores
select store_id from stores where store_id = any($1::text[]) order by store_id for no key update;

-- name: known_stores
select store_id from stores where store_id = any($1::text[]);

-- name: load_layers
select l.store_id, l.kind, l.amount, l.valid_from, l.valid_until, l.reason
from layers l join lines on lines.store_id = l.store_id and lines.assessment_id = l.assessment_id
where l.store_id = any($1::text[]) order by l.store_id, l.valid_from, l.kind;

-- name: live_orders
-- Lateral with a limit: one lookup for each order asked. A plain join made on an empty table reads the whole index for ever.
select asked.store_id, asked.order_id
from unnest($1::text[], $2::text[]) as asked (store_id, order_id)
cross join lateral (
    select from authorizations a
    where a.store_id = asked.store_id and a.order_id = asked.order_id and a.reason is null and a.freed < a.amount
    limit 1
) taken;

-- name: load_orders
select a.store_id, a.authorization_id, a.order_id, a.buyer_id, a.status, a.currency, a.amount, a.authorized_at, a.reason,
       a.over_limit_amount, a.captured, a.freed, a.repaid, a.returned, a.refunded, a.receivable, a.liability,
       a.written_off, a.borne_by, a.expires_at, a.captured_at, a.default_at, a.due_at
from unnest($1::text[], $2::uuid[]) as asked (store_id, authorization_id)
join authorizations a on a.store_id = asked.store_id and a.authorization_id = asked.authorization_id;

-- name: insert_orders
insert into authorizations (store_id, authorization_id, order_id, buyer_id, status, reason, currency, amount,
                            over_limit_amount, authorized_at, expires_at, due_at)
select store_id, authorization_id, order_id, buyer_id, case when reason is null then 'authorized' else 'refused' end, reason,
       currency, amount, over_limit_amount, $9, expires_at, expires_at
from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $10::timestamptz[])
    as o (store_id, authorization_id, order_id, buyer_id, reason, currency, amount, over_limit_amount, expires_at);

-- name: update_orders
update authorizations a
set status = o.status, captured = o.captured, freed = o.freed, repaid = o.repaid, returned = o.returned, refunded = o.refunded,
    receivable = o.receivable, liability = o.liability, written_off = o.written_off, borne_by = o.borne_by,
    captured_at = o.captured_at, default_at = o.default_at, due_at = o.due_at
from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[],
            $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[])
    as o (store_id, authorization_id, status, captured, freed, repaid, returned, refunded, receivable, liability,
          written_off, borne_by, captured_at, default_at, due_at)
where a.store_id = o.store_id and a.authorization_id = o.authorization_id;

-- name: insert_movements
insert into movements (store_id, movement_id, authorization_id, kind, amount, reason, journal_seq, author, occurred_at, recorded_at)
select store_id, movement_id, authorization_id, kind, amount, reason, journal_seq, author, occurred_at, $9
from unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[], $10::timestamptz[])
    as m (store_id, movement_id, authorization_id, kind, amount, reason, journal_seq, author, occurred_at);

-- name: update_lines
update lines l set used = v.used, total = v.total, total_until = v.total_until, updated_at = $5
from unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[]) as v (store_id, used, total, total_until)
where l.store_id = v.store_id;

-- name: insert_line_changes
insert into line_changes (store_id, change_id, from_total, to_total, from_status, to_status, cause, author, assessment_id, occurred_at, recorded_at)
select store_id, change_id, from_total, to_total, from_status, to_status, cause, author, assessment_id, occurred_at, $11
from unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[], $10::timestamptz[])
    as c (store_id, change_id, from_total, to_total, from_status, to_status, cause, author, assessment_id, occurred_at);

-- name: put_lines
insert into lines (store_id, status, currency, total, total_until, assessment_id, cap, zeroed, rounding, partner, updated_at)
select store_id, 'open', $9, total, total_until, assessment_id, cap, zeroed, rounding, partner, $10
from unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::uuid[], $5::bigint[], $6::boolean[], $7::bigint[], $8::text[])
    as v (store_id, total, total_until, assessment_id, cap, zeroed, rounding, partner)
on conflict (store_id) do update
set total = excluded.total, total_until = excluded.total_until, assessment_id = excluded.assessment_id, cap = excluded.cap,
    zeroed = excluded.zeroed, rounding = excluded.rounding, partner = excluded.partner, assess_at = null, assess_cause = null, day_withdrawn_share_bp = 0,
    updated_at = excluded.updated_at;

-- name: insert_layers
insert into layers (store_id, assessment_id, kind, amount, valid_from, valid_until, reason)
select * from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::text[]);

-- name: put_off_assessment
update lines set assess_at = $2 where store_id = any($1::text[]);

-- name: leave_to_person
update lines set assess_at = null, assess_cause = null where store_id = any($1::text[]) and assess_at is not null;

-- name: set_status
update lines set status = $2, updated_at = $3 where store_id = $1;

-- name: suspend_lines
update lines l set status = 'suspended', updated_at = $4,
    assess_at = case when v.assess then $4 else l.assess_at end,
    assess_cause = case when v.assess then v.cause else l.assess_cause end
from unnest($1::text[], $2::text[], $3::boolean[]) as v (store_id, cause, assess)
where l.store_id = v.store_id;

-- name: forgive_share
update lines set day_withdrawn_share_bp = 0, assess_cause = case when assess_at is null then null else $2 end where store_id = $1;

-- name: last_suspension
select cause, author from line_changes
where store_id = $1 and to_status = 'suspended' and from_status <> 'suspended' order by change_id desc limit 1;

-- name: read_line
select store_id, status, currency, total, total_until, used, assessment_id, cap, zeroed, rounding, day_withdrawn_share_bp, partner
from lines where store_id = $1;

-- name: has_line
select exists (select from lines where store_id = $1);

-- name: changes
select change_id, from_total, to_total, from_status, to_status, cause, author, assessment_id, occurred_at, recorded_at
from line_changes where store_id = $1 and ($2::uuid is null or change_id < $2) order by change_id desc limit $3;

-- name: store_opening
select opened_on from stores where store_id = $1;

-- name: last_violation
select max(occurred_at) as occurred_at from store_facts where store_id = $1 and kind in ('violation', 'serious_violation');

-- name: due_orders
select store_id, authorization_id, due_at, expires_at, (amount - captured - freed > 0 and expires_at <= $1) as expires
from authorizations where due_at <= $1 order by due_at, store_id, authorization_id limit $2;

-- name: due_lines
select store_id from lines where total_until <= $1 order by total_until, store_id limit $2;

-- name: lines_to_assess
select store_id, coalesce(assess_cause, 'retry') as cause from lines
where assess_at <= $1 and status <> 'closed' order by assess_at, store_id limit $2;

-- name: next_due
select least(
    (select min(due_at) from authorizations where due_at is not null),
    (select min(total_until) from lines where total_until is not null),
    (select min(assess_at) from lines where status <> 'closed'),
    (select min(due_at) from assessment_runs where finished_at is null)
);

-- name: standings
select l.store_id, l.assessment_id, l.total, l.day_withdrawn_share_bp, l.zeroed, a.policy_version, (a.decision ->> 'mask')::bigint
from lines l join assessments a on a.store_id = l.store_id and a.assessment_id = l.assessment_id
where l.store_id = any($1::text[]);

-- name: supersede_referrals
update referrals set status = 'superseded', decided_at = $2, decided_by = $3
where store_id = any($1::text[]) and status = 'open';

-- name: insert_referrals
insert into referrals (store_id, assessment_id, status, rules, from_total, to_total, referred_at)
select store_id, assessment_id, 'open', rules::jsonb, from_total, to_total, $6
from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[])
    as r (store_id, assessment_id, rules, from_total, to_total);

-- name: close_referral
update referrals set status = $2, note = $3, decided_by = $4, decided_at = $5
where store_id = $1 and status = 'open'
returning store_id, assessment_id, status, rules::text, from_total, to_total, referred_at, decided_at, decided_by, note;

-- name: referrals
select store_id, assessment_id, status, rules::text, from_total, to_total, referred_at, decided_at, decided_by, note
from referrals
where ($1::text is null or status = $1) and ($2::timestamptz is null or (referred_at, store_id) < ($2, $3))
order by referred_at desc, store_id desc limit $4;

-- name: insert_runs
insert into assessment_runs (run_id, cause, name, due_at, author, recorded_at, finished_at)
select run_id, cause, name, due_at, $5, $6, $7
from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) as r (run_id, cause, name, due_at)
on conflict (cause, name) do nothing;

-- name: looked_until
select max(due_at) from assessment_runs where cause <> 'requested';

-- name: runs_of_policies
select cause, name from assessment_runs where cause in ('policy_announced', 'policy_effective');

-- name: lock_run
select run_id, cause, name, due_at, reached, stores, changed, untouched, referred, failed, author, recorded_at, finished_at
from assessment_runs where finished_at is null and due_at <= $1 and ($2::uuid is null or run_id = $2)
order by due_at, cause, name limit 1 for update skip locked;

-- name: advance_run
update assessment_runs set reached = $2, stores = stores + $3, changed = changed + $4, untouched = untouched + $5,
    referred = referred + $6, failed = failed + $7, finished_at = $8
where run_id = $1
returning run_id, cause, name, due_at, reached, stores, changed, untouched, referred, failed, author, recorded_at, finished_at;

-- name: run
select run_id, cause, name, due_at, reached, stores, changed, untouched, referred, failed, author, recorded_at, finished_at
from assessment_runs where run_id = $1;

-- name: unfinished_request
select run_id, cause, name, due_at, reached, stores, changed, untouched, referred, failed, author, recorded_at, finished_at
from assessment_runs where cause = 'requested' and finished_at is null order by run_id limit 1;

-- name: runs
select run_id, cause, name, due_at, reached, stores, changed, untouched, referred, failed, author, recorded_at, finished_at
from assessment_runs where $1::uuid is null or run_id < $1 order by run_id desc limit $2;

-- name: next_lines
select store_id from lines where store_id > $1 and status <> 'closed' order by store_id limit $2;

-- name: lines_to_reach
select count(*) from lines where store_id > $1 and status <> 'closed';

-- name: highly_used
select store_id, currency, total, used from lines
where store_id = any($1::text[]) and status = 'open' and total > 0 and used * 10000::numeric > total * $2::numeric
order by store_id;

-- name: usage_by_version
select a.policy_version, count(*) as lines, sum(l.total)::bigint as total, sum(l.used)::bigint as used
from lines l join assessments a on a.store_id = l.store_id and a.assessment_id = l.assessment_id
where l.status <> 'closed'
group by a.policy_version order by a.policy_version;
