-- Weeks of trade in minutes: orders that were authorized, captured and repaid, written set by set, with books that
-- verify. $1 are the stores, $2 how many orders each has.

-- name: make_link
create function bench.link(head bytea, content text) returns bytea language plpgsql immutable parallel safe as
$function$ begin return sha256(head || convert_to(content, 'UTF8')); end $function$;

-- name: make_chain
create aggregate bench.chain(text) (
    sfunc = bench.link, stype = bytea,
    initcond = '\x0000000000000000000000000000000000000000000000000000000000000000'
);

-- name: make_past
create temporary table past (
    store_id text, n bigint, id text, authorized_at timestamptz, captured_at timestamptz, repaid_at timestamptz
);

-- name: forget_past
truncate past;

-- name: imagine_past
insert into past
select store_id, n,
       lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15),
       at, at + $4::interval / 4, at + $4::interval / 2
from unnest($1::text[]) as s (store_id)
cross join generate_series(1, $2::bigint) as n
cross join lateral (select date_trunc('milliseconds', $3::timestamptz + n * $4::interval) as at, md5(store_id || '/' || n) as noise) as o
order by store_id, n;

-- name: put_orders
insert into authorizations (store_id, authorization_id, order_id, buyer_id, status, currency, amount, captured, repaid,
                            authorized_at, expires_at, captured_at, default_at)
select store_id, id::uuid, 'past-' || n, 'buyer-' || n % 1000, 'repaid', $2, $1, $1, $1,
       authorized_at, authorized_at + interval '30 days', captured_at, captured_at + interval '90 days'
from past order by store_id, n;

-- name: put_journals
insert into journals (store_id, seq, kind, currency, accounts, amounts, subject, occurred_at, recorded_at, hash)
select store_id, seq, kind, $2, array[debit, credit], array[$1::bigint, -$1::bigint], id::uuid, at, at,
       bench.chain(concat_ws('|', store_id, seq, kind, $2::text, id, '', (extract(epoch from at) * 1000000)::bigint,
                             (extract(epoch from at) * 1000000)::bigint, debit || ':' || $1 || ',' || credit || ':' || -$1))
           over (partition by store_id order by seq rows unbounded preceding)
from past
cross join lateral (values
    (2 * n - 1, 'capture', 'buyer_receivable', 'store_balance', captured_at),
    (2 * n, 'repay', 'bank', 'buyer_receivable', repaid_at)
) as j (seq, kind, debit, credit, at)
order by store_id, seq;

-- name: put_movements
insert into movements (store_id, movement_id, authorization_id, kind, amount, journal_seq, author, occurred_at, recorded_at)
select store_id, (substr(id, 1, 16) || bit || substr(id, 18))::uuid, id::uuid, kind, $1, seq, 'platform:bench', at, at
from past
cross join lateral (values
    (2 * n - 1, 'capture', '9', captured_at),
    (2 * n, 'repay', 'a', repaid_at)
) as m (seq, kind, bit, at)
order by store_id, n, seq;

-- name: put_answers
insert into idempotency (store_id, key, request_sha, status, answer, recorded_at)
select store_id, kind || '-' || id, sha256(convert_to(kind || id, 'UTF8')), status,
       convert_to(format(
           '{"id":"auth_%s.%s","status":"%s","reason":null,"message":null,"remedy":null,"store_id":"%s","order_id":"past-%s",'
           '"amount":%s,"currency":"%s","over_limit_amount":0,"expires_at":"%s"}',
           id, store_id, kind, store_id, n, $1::bigint, $2::text, at), 'UTF8'), at
from past
cross join lateral (values
    (201, 'authorized', authorized_at), (200, 'captured', captured_at), (200, 'repaid', repaid_at)
) as a (status, kind, at)
order by store_id, n;

-- name: put_books
update books b
set seq = last.seq, head = last.hash
from unnest($1::text[]) as s (store_id)
cross join lateral (select seq, hash from journals j where j.store_id = s.store_id order by seq desc limit 1) as last
where b.store_id = s.store_id;

-- name: put_balances
update balances set balance = case account when 'bank' then $2::bigint else -$2::bigint end
where store_id = any($1::text[]) and account in ('bank', 'store_balance');
