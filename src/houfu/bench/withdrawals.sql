-- Withdrawals as a day leaves them, made set by set: what a cut-off, a statement and an export are measured on.

-- name: put_open_stores
insert into stores (store_id, name, owner_id, level, opened_on, phone_kind, category, recorded_at, updated_at)
select store_id, 'Store ' || store_id, 'owner', 3, $2::date - 800, 'mobile', 'bench', $3, $3
from unnest($1::text[]) as s (store_id);

-- name: put_bank_accounts
insert into bank_accounts (store_id, bank_account_id, holder, number, bank_code, recorded_at, updated_at, verified_at, verified_by)
select store_id, 'b1', '某某商贸有限公司' || n, '62220202001' || lpad(n::text, 8, '0'),
       (array['102100099996', '103100000026', '104100000004', '105100000017'])[1 + n % 4], $2, $2, $2, 'bench'
from unnest($1::text[]) with ordinality as s (store_id, n);

-- name: put_withdrawals
-- $1 stores, $2 how many, $3 the moment they were asked, $4 their day, $5 the day the money is expected, $6 when they are due
insert into withdrawals (store_id, withdrawal_id, status, currency, amount, fee, fee_rule, liability_collected, net, bank_account_id,
                         holder, number, bank_code, warnings, limit_total, fee_breakdown, author, asked_at, asked_on, arrives_on,
                         latest_on, due_at, journal_seq, recorded_at)
select b.store_id, ('019c' || lpad(to_hex(n), 28, '0'))::uuid, 'scheduled', 'CNY', 20000 + n % 1000003, 200, 'minimum', 0,
       19800 + n % 1000003, b.bank_account_id, b.holder, b.number, b.bank_code, '[]', 10000000, '{"rule": "minimum"}', 'bench', $3, $4,
       $5, $5, $6, 1, $3
from generate_series(1, $2::int) as n
join bank_accounts b on b.store_id = ($1::text[])[1 + n % cardinality($1::text[])];

-- name: pay_all
update withdrawals set status = 'paid', paid_at = $1, booked_on = $2, paid_seq = 2, due_at = null where status = 'in_transit';

-- name: let_all_go
update withdrawals set status = 'scheduled', batch_id = null, file_number = null, paid_at = null, booked_on = null, paid_seq = null,
    due_at = $1;

-- name: forget_batches
truncate payout_batches, payout_files, bank_reports, reconciled_rails, bank_statements, bank_lines, line_matches, breaks, break_moves cascade;

-- name: payments
select w.withdrawal_id, w.net, w.holder, w.number from withdrawals w where w.status = 'paid' order by w.store_id, w.withdrawal_id;

-- name: contents
select content from payout_files order by message_id;

-- name: entries
select * from postings where store_id = $1;

-- name: forget_withdrawals
truncate withdrawals, journals, idempotency cascade;

-- name: start_books
update books set seq = 0, head = default where seq <> 0;

-- name: clear_balances
update balances set balance = 0 where balance <> 0;

-- name: clear_lines
update lines set day_withdrawn_share_bp = 0, status = 'open' where day_withdrawn_share_bp <> 0 or status <> 'open';
