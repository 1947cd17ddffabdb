-- What always holds between the bank's lines and withdrawals. Same form as ledger/invariants.sql.

-- name: matched_lines_agree_with_their_payouts
select m.store_id, 'withdrawal ' || m.withdrawal_id as place,
       'its net is ' || coalesce(w.net::text, 'unknown') || ', the match of line ' || m.number || ' of ' || m.rail || ' on ' || m.day
       || ' is of ' || m.amount || ', the line of ' || coalesce(l.amount::text, 'nothing') as finding
from line_matches m
left join withdrawals w on w.store_id = m.store_id and w.withdrawal_id = m.withdrawal_id and w.store_id between $1 and $2
left join bank_lines l on l.rail = m.rail and l.day = m.day and l.number = m.number
where m.store_id between $1 and $2
  and (w.net is distinct from m.amount or l.amount is distinct from m.amount or l.credit is distinct from (m.kind = 'return'))
order by m.store_id, m.withdrawal_id limit 1;
