-- The stores of the benchmark, and how a round begins.

-- name: put_stores
insert into stores (store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at)
select store_id, store_id, 'owner', $2, $3, 'mobile', 'bench', $4, $4 from unnest($1::text[]) as s (store_id);

-- name: empty_tables
truncate movements, authorizations, journals, idempotency;

-- name: free_lines
update lines set used = 0 where used <> 0;

-- name: start_books
update books set seq = 0, head = default where seq <> 0;

-- name: clear_balances
update balances set balance = 0 where balance <> 0;

-- name: orders_in
select store_id, authorization_id from authorizations where status = $1 order by authorization_id limit $2;
