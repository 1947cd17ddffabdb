-- Stores with a year of figures, and the floor: PostgreSQL writing once more, from its own tables, what a run wrote.

-- name: put_open_stores
insert into stores (store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at)
select store_id, store_id, 'owner', 1 + (hashtext(store_id) & 3), $2::date - 800, 'mobile', 'bench', $3, $3
from unnest($1::text[]) as s (store_id);

-- name: put_months
insert into store_metrics (store_id, month, revision, orders, gmv, dsr_description, dsr_service, dsr_logistics,
                           return_rate_bp, good_review_bp, complaint_bp, recorded_at)
select store_id, (date_trunc('month', $2::date) - make_interval(months => back))::date, 1, 100 + (hashtext(store_id) & 511),
       2000000 + (hashtext(store_id || back) & 1048575), 470 + (hashtext(store_id) & 15), 475, 480, 300, 9700, 20, $3
from unnest($1::text[]) as s (store_id) cross join generate_series(1, 12) as back;

-- name: raise_levels
update stores set level = 1 + level % 5;

-- name: begin_floor
create temporary table marks as select max(recorded_at) as since from assessments;

-- name: floor_assessments
insert into copy_of_assessments select * from assessments where cause = 'assessment_requested' and recorded_at = (select since from marks);

-- name: floor_layers
insert into copy_of_layers select l.* from layers l join lines using (store_id, assessment_id);

-- name: floor_changes
insert into copy_of_line_changes select * from line_changes where cause = 'assessment_requested' and recorded_at = (select since from marks);

-- name: floor_messages
insert into copy_of_messages select * from messages where recorded_at = (select since from marks);

-- name: floor_lines
update copy_of_lines set total = total + 1, assessment_id = gen_random_uuid(), updated_at = now();

-- name: end_floor
drop table marks, copy_of_assessments, copy_of_layers, copy_of_line_changes, copy_of_messages, copy_of_lines;
