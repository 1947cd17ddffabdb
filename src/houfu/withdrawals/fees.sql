-- How fees came about, and the doubts about them.

-- name: read_fee
select fee, currency, fee_breakdown from withdrawals where store_id = $1 and withdrawal_id = $2;

-- name: insert_dispute
insert into fee_disputes (store_id, dispute_id, withdrawal_id, note, author, agrees, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7);
