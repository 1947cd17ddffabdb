-- The tray: breaks as people see and close them.

-- name: breaks
select k.break_id, k.rail, k.day, k.kind, k.currency, k.amount, k.match_kind, k.line_number, l.reference as line_reference,
       k.store_id, k.withdrawal_id, k.suggested_store_id, k.suggested_withdrawal_id, k.suggested_score, k.why_zh, k.why_en, k.status,
       k.reason, k.note, k.matched_store_id, k.matched_withdrawal_id, k.proposed_by, k.proposed_at, k.closed_by, k.closed_at, k.opened_at
from breaks k
left join bank_lines l on l.rail = k.rail and l.day = k.day and l.number = k.line_number
where ($1::text is null or k.status = $1) and ($2::text is null or k.rail = $2) and ($3::text is null or k.kind = $3)
  and ($4::date is null or k.day = $4) and ($5::uuid is null or k.break_id < $5)
order by k.break_id desc limit $6;

-- name: break
select k.break_id, k.rail, k.day, k.kind, k.currency, k.amount, k.match_kind, k.line_number, l.reference as line_reference,
       k.store_id, k.withdrawal_id, k.suggested_store_id, k.suggested_withdrawal_id, k.suggested_score, k.why_zh, k.why_en, k.status,
       k.reason, k.note, k.matched_store_id, k.matched_withdrawal_id, k.proposed_by, k.proposed_at, k.closed_by, k.closed_at, k.opened_at
from breaks k
left join bank_lines l on l.rail = k.rail and l.day = k.day and l.number = k.line_number
where k.break_id = $1;

-- name: rail_of_break
select rail from breaks where break_id = $1;

-- name: payout_of_match
-- The payout that a line shall be: on the line's rail, and whether it has a line of that kind ($4) already. `paid`: it was booked once.
select w.net, w.currency, w.status, b.rail,
       w.booked_on is not null or exists (
           select from line_matches p where p.store_id = w.store_id and p.withdrawal_id = w.withdrawal_id and p.kind = 'payment') as paid,
       exists (select from line_matches m where m.store_id = w.store_id and m.withdrawal_id = w.withdrawal_id and m.kind = $3) as taken
from withdrawals w
left join payout_batches b on b.batch_id = w.batch_id
where w.store_id = $1 and w.withdrawal_id = $2;

-- name: propose
with moved as (
    update breaks set status = 'proposed', reason = $2, note = $3, matched_store_id = $4, matched_withdrawal_id = $5, proposed_by = $6,
                      proposed_at = $7, moves = moves + 1
    where break_id = $1 and status = 'open' returning break_id, moves
)
insert into break_moves (break_id, number, move, author, reason, note, moved_at) select break_id, moves, 'proposed', $6, $2, $3, $7 from moved;

-- name: decline
with moved as (
    update breaks set status = 'open', reason = null, note = null, matched_store_id = null, matched_withdrawal_id = null,
                      proposed_by = null, proposed_at = null, moves = moves + 1
    where break_id = $1 and status = 'proposed' returning break_id, moves
)
insert into break_moves (break_id, number, move, author, reason, note, moved_at) select break_id, moves, 'declined', $2, null, $3, $4 from moved;

-- name: close
with moved as (
    update breaks set status = 'closed', closed_by = $2, closed_at = $3, moves = moves + 1
    where break_id = $1 and status = 'proposed' returning break_id, moves, reason
)
insert into break_moves (break_id, number, move, author, reason, note, moved_at) select break_id, moves, 'closed', $2, reason, null, $3 from moved;

-- name: match_by_person
insert into line_matches (rail, day, number, store_id, withdrawal_id, kind, amount, matched_by, recorded_at)
select k.rail, k.day, k.line_number, k.matched_store_id, k.matched_withdrawal_id, k.match_kind, l.amount, 'person', $2
from breaks k join bank_lines l on l.rail = k.rail and l.day = k.day and l.number = k.line_number
where k.break_id = $1;

-- name: matched_line
-- The line of a break that was matched by hand, and what the books say of its payout.
select l.reference, l.amount, l.credit, l.booked_on, l.end_to_end_id, l.counterparty_name, l.counterparty_number, l.return_reason, l.words,
       w.status
from breaks k
join bank_lines l on l.rail = k.rail and l.day = k.day and l.number = k.line_number
join withdrawals w on w.store_id = k.matched_store_id and w.withdrawal_id = k.matched_withdrawal_id
where k.break_id = $1;

-- name: moves
select number, move, author, reason, note, moved_at from break_moves where break_id = $1 order by number;
