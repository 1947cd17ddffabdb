-- name: authorizations_of_store
select store_id, authorization_id, order_id, buyer_id, status, reason, currency, amount, over_limit_amount, captured, freed,
       repaid, returned, refunded, authorized_at, expires_at, captured_at
from authorizations
where store_id = $1 and ($2::text is null or status = $2) and ($3::text is null or order_id = $3)
  and ($4::uuid is null or authorization_id < $4)
order by authorization_id desc limit $5;

-- name: authorizations_of_all
select store_id, authorization_id, order_id, buyer_id, status, reason, currency, amount, over_limit_amount, captured, freed,
       repaid, returned, refunded, authorized_at, expires_at, captured_at
from authorizations
where (store_id, authorization_id) > ($1, $2) and ($3::text is null or status = $3) and ($4::text is null or order_id = $4)
order by store_id, authorization_id limit $5;

-- name: authorization
select store_id, authorization_id, order_id, buyer_id, status, reason, currency, amount, over_limit_amount, captured, freed,
       repaid, returned, refunded, authorized_at, expires_at, captured_at
from authorizations where store_id = $1 and authorization_id = $2;
