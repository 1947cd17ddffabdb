-- name: create_key
insert into api_keys (key_sha, role, store_id, name, created_at) values ($1, $2, $3, $4, $5);

-- name: find_key
select left(encode(key_sha, 'hex'), 12) as id, role, store_id, name, created_at, revoked_at
from api_keys where key_sha = $1 and revoked_at is null;

-- name: list_keys
select left(encode(key_sha, 'hex'), 12) as id, role, store_id, name, created_at, revoked_at
from api_keys order by created_at, key_sha;

-- name: key_by_id
select left(encode(key_sha, 'hex'), 12) as id, role, store_id, name, created_at, revoked_at
from api_keys where left(encode(key_sha, 'hex'), 12) = $1;

-- name: revoke_key
update api_keys set revoked_at = $2 where left(encode(key_sha, 'hex'), 12) = $1 and revoked_at is null;

-- name: recall
select i.store_id, i.key, i.request_sha, i.status, i.answer
from unnest($1::text[], $2::text[]) as asked (store_id, key)
join idempotency i on i.store_id = asked.store_id and i.key = asked.key;

-- name: remember
insert into idempotency (store_id, key, request_sha, status, answer, recorded_at)
select store_id, key, request_sha, status, answer, $6
from unnest($1::text[], $2::text[], $3::bytea[], $4::smallint[], $5::bytea[]) as i (store_id, key, request_sha, status, answer);

-- name: forget
delete from idempotency where (store_id, key) in (select store_id, key from idempotency where recorded_at < $1 limit $2);

-- name: read_sandbox_clock
select now from sandbox_clock;

-- name: move_sandbox_clock
insert into sandbox_clock (now) values ($1) on conflict (one) do update set now = excluded.now;
