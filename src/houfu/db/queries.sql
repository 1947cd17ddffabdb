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

-- name: recall_answer
select request_sha, status, answer from idempotency where store_id = $1 and key = $2;

-- name: remember_answer
insert into idempotency (store_id, key, request_sha, status, answer, recorded_at) values ($1, $2, $3, $4, $5, $6);

-- name: read_sandbox_clock
select now from sandbox_clock;

-- name: move_sandbox_clock
insert into sandbox_clock (now) values ($1) on conflict (one) do update set now = excluded.now;
