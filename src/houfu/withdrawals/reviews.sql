-- name: open_rules
select store_id, rule from reviews where store_id = any($1::text[]) and status = 'open';

-- name: insert_reviews
insert into reviews (store_id, review_id, rule, withdrawal_id, status, opened_at, due_on)
select store_id, review_id, rule, withdrawal_id, 'open', $6, due_on
from unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::date[]) as r (store_id, review_id, rule, withdrawal_id, due_on);

-- name: decide_review
update reviews set status = $3, note = $4, decided_by = $5, decided_at = $6
where store_id = $1 and review_id = $2 and status = 'open'
returning store_id, review_id, rule, withdrawal_id, status, opened_at, due_on, decided_at, decided_by, note;

-- name: review_known
select exists (select from reviews where store_id = $1 and review_id = $2);

-- name: held_by_another
-- Another review of the store that is open, or that was upheld since this one opened.
select exists (
    select from reviews r
    where r.store_id = $1 and r.review_id <> $2 and (r.status = 'open' or r.status = 'upheld' and r.decided_at >= $3)
);

-- name: lock_status
select status from lines where store_id = $1 for update;

-- name: reviews_of_store
select store_id, review_id, rule, withdrawal_id, status, opened_at, due_on, decided_at, decided_by, note
from reviews where store_id = $4 and ($1::text is null or status = $1) and ($2::uuid is null or review_id < $2)
order by review_id desc limit $3;

-- name: reviews_of_all
select store_id, review_id, rule, withdrawal_id, status, opened_at, due_on, decided_at, decided_by, note
from reviews where ($1::text is null or status = $1) and ($2::uuid is null or (review_id, store_id) < ($2, $4::text))
order by review_id desc, store_id desc limit $3;
