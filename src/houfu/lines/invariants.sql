-- What always holds between orders, lines, books and what stores were told. Same form as ledger/invariants.sql.

-- name: use_follows_from_orders
select l.store_id, 'line' as place, 'used is ' || l.used || ', its orders give ' || coalesce(o.used, 0) as finding
from lines l
left join (
    select store_id, sum(amount - freed - repaid - returned + refunded) as used
    from authorizations where store_id between $1 and $2 and status <> 'refused' group by store_id
) o on o.store_id = l.store_id
where l.store_id between $1 and $2 and l.used <> coalesce(o.used, 0) order by l.store_id limit 1;

-- name: receivable_follows_from_orders
select b.store_id, 'buyer_receivable' as place, 'the balance is ' || b.balance || ', its orders give ' || coalesce(o.receivable, 0) as finding
from balances b
left join (
    select store_id, sum(receivable) as receivable from authorizations where store_id between $1 and $2 group by store_id
) o on o.store_id = b.store_id
where b.account = 'buyer_receivable' and b.store_id between $1 and $2 and b.balance <> coalesce(o.receivable, 0)
order by b.store_id limit 1;

-- name: orders_follow_from_movements
select a.store_id, 'order ' || a.order_id as place, 'its amounts do not follow from its movements' as finding
from authorizations a
left join (
    select store_id, authorization_id,
           sum(amount) filter (where kind = 'capture') as captured,
           sum(amount) filter (where kind = 'repay') as repaid
    from movements where store_id between $1 and $2 and reason is null group by store_id, authorization_id
) m on m.store_id = a.store_id and m.authorization_id = a.authorization_id
where a.store_id between $1 and $2
  and (a.captured <> coalesce(m.captured, 0) or a.repaid <> coalesce(m.repaid, 0))
order by a.store_id, a.authorization_id limit 1;

-- name: movements_name_their_journal
select m.store_id, 'movement ' || m.movement_id as place, 'journal ' || m.journal_seq || ' is not about its order' as finding
from movements m
left join journals j on j.store_id = m.store_id and j.seq = m.journal_seq and j.store_id between $1 and $2
where m.store_id between $1 and $2 and m.journal_seq is not null and j.subject is distinct from m.authorization_id
order by m.store_id, m.movement_id limit 1;

-- name: total_follows_from_changes
-- The steps are summed, each status a number: two processes' clocks may put neighbours in another order than they came.
select l.store_id, 'line' as place,
       'it is ' || l.status || ' with ' || l.total || ', its history comes to status ' || coalesce(c.status, 0)
       || ' (closed 0, open 1, suspended 2) with ' || coalesce(c.total, 0) as finding
from lines l
left join (
    select store_id, sum(to_total - from_total) as total,
           sum(coalesce(array_position(array['open', 'suspended'], to_status), 0)
               - coalesce(array_position(array['open', 'suspended'], from_status), 0)) as status
    from line_changes where store_id between $1 and $2 group by store_id
) c on c.store_id = l.store_id
where l.store_id between $1 and $2
  and (l.total <> coalesce(c.total, 0)
       or coalesce(array_position(array['open', 'suspended'], l.status), 0) <> coalesce(c.status, 0))
order by l.store_id limit 1;

-- name: orders_and_movements_belong
select store_id, place, finding
from (
    select a.store_id, 'order ' || a.order_id as place, 'there is no such store' as finding
    from authorizations a left join stores s on s.store_id = a.store_id
    where a.store_id between $1 and $2 and s.store_id is null
    union all
    select m.store_id, 'movement ' || m.movement_id, 'there is no such order'
    from movements m
    left join authorizations a on a.store_id = m.store_id and a.authorization_id = m.authorization_id and a.store_id between $1 and $2
    where m.store_id between $1 and $2 and a.store_id is null
) stray
order by store_id, place limit 1;

-- name: changes_were_told
-- The message of a change has its id (B14, C4).
select c.store_id, 'change ' || c.change_id as place, 'its store was not told of it' as finding
from line_changes c
left join messages m on m.store_id = c.store_id and m.message_id = c.change_id and m.store_id between $1 and $2
where c.store_id between $1 and $2 and m.message_id is null order by c.store_id, c.change_id limit 1;

-- name: messages_have_no_gap
-- A follower goes on from the last seq it saw: none may be missing below the box's.
select coalesce(b.store_id, m.store_id) as store_id, 'message box' as place,
       'it counts ' || coalesce(b.last_seq, 0) || ' messages and holds ' || coalesce(m.held, 0)
       || ', the last of them ' || coalesce(m.last_seq, 0) as finding
from (select store_id, last_seq from message_boxes where store_id between $1 and $2) b
full join (
    select store_id, count(*) as held, max(seq) as last_seq from messages where store_id between $1 and $2 group by store_id
) m on m.store_id = b.store_id
where b.last_seq is distinct from m.held or b.last_seq is distinct from m.last_seq
order by 1 limit 1;
