-- What an authorization must do, as one function of the database and nothing around it: the limit beside which
-- the engine stands. It lives in the benchmark's database only.

-- name: make_schema
create schema bench;

-- name: make_authorize
create function bench.authorize(
    asked_store text, asked_order text, asked_buyer text, asked_amount bigint, asked_key text, asked_sha bytea
) returns bytea language plpgsql as $function$
declare
    line  lines%rowtype;
    first idempotency%rowtype;
    id    uuid;
    body  bytea;
begin
    select * into first from idempotency where store_id = asked_store and key = asked_key;
    if found then
        return first.answer;
    end if;
    select * into line from lines where store_id = asked_store for update;
    if not found or line.status <> 'open' or line.total - line.used < asked_amount then
        raise 'the benchmark ran out of line';
    end if;
    -- Sorted by time, as the engine's ids are.
    id := (lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
           || substr(replace(gen_random_uuid()::text, '-', ''), 13))::uuid;
    insert into authorizations (store_id, authorization_id, order_id, buyer_id, status, currency, amount, authorized_at,
                                expires_at, due_at)
    values (asked_store, id, asked_order, asked_buyer, 'authorized', line.currency, asked_amount, now(),
            now() + interval '30 days', now() + interval '30 days');
    update lines set used = used + asked_amount, updated_at = now() where store_id = asked_store;
    body := convert_to(format(
        '{"id":"auth_%s.%s","status":"authorized","reason":null,"message":null,"remedy":null,"store_id":"%s","order_id":"%s",'
        '"amount":%s,"currency":"%s","over_limit_amount":0,"expires_at":"%s"}',
        id, asked_store, asked_store, asked_order, asked_amount, line.currency, now() + interval '30 days'), 'UTF8');
    insert into idempotency (store_id, key, request_sha, status, answer, recorded_at)
    values (asked_store, asked_key, asked_sha, 201, body, now());
    return body;
end
$function$;
