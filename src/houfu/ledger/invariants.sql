-- What always holds in the books. Each statement looks at the stores from $1 to $2 and answers its breaks,
-- the first first: (store_id, place, finding). None means proven. Order matters: the deepest comes first.

-- name: chain_unbroken
with chained as (
    select store_id, seq, hash,
           row_number() over chain as place,
           lag(hash, 1, decode(repeat('00', 32), 'hex')) over chain as before,
           concat_ws('|', store_id, seq, kind, currency, coalesce(replace(subject::text, '-', ''), ''), coalesce(reverses::text, ''),
                     (extract(epoch from occurred_at) * 1000000)::bigint, (extract(epoch from recorded_at) * 1000000)::bigint,
                     (select string_agg(account || ':' || amount, ',' order by line)
                      from unnest(accounts, amounts) with ordinality as p (account, amount, line))) as content
    from journals where store_id between $1 and $2
    window chain as (partition by store_id order by seq)
)
select store_id, 'journal ' || seq as place,
       case when seq <> place then 'journal ' || place || ' is missing before it' else 'its hash does not cover its content' end as finding
from chained where seq <> place or hash <> sha256(before || convert_to(content, 'UTF8'))
order by store_id, seq limit 1;

-- name: chain_ends_where_the_books_say
select b.store_id, 'books' as place, 'the chain ends at ' || coalesce(last.seq, 0) || ', the books say ' || b.seq as finding
from books b
left join lateral (select seq, hash from journals j where j.store_id = b.store_id order by seq desc limit 1) last on true
where b.store_id between $1 and $2
  and (b.seq <> coalesce(last.seq, 0) or b.head <> coalesce(last.hash, decode(repeat('00', 32), 'hex')))
order by b.store_id limit 1;

-- name: journals_have_books
select j.store_id, 'journal ' || j.seq as place, 'the store has no books' as finding
from journals j left join books b on b.store_id = j.store_id
where j.store_id between $1 and $2 and b.store_id is null order by j.store_id, j.seq limit 1;

-- name: postings_sum_to_zero
select store_id, 'journal ' || seq as place, 'its postings sum to ' || sum(amount) as finding
from postings where store_id between $1 and $2
group by store_id, seq having sum(amount) <> 0 order by store_id, seq limit 1;

-- name: accounts_are_in_the_chart
select p.store_id, 'journal ' || p.seq as place, 'no account is called ' || p.account as finding
from postings p left join chart_of_accounts c on c.account = p.account
where p.store_id between $1 and $2 and c.account is null order by p.store_id, p.seq limit 1;

-- name: one_currency_per_account
select j.store_id, 'journal ' || j.seq as place, 'it is in ' || j.currency || ', the books are in ' || b.currency as finding
from journals j join books b on b.store_id = j.store_id
where j.store_id between $1 and $2 and j.currency <> b.currency order by j.store_id, j.seq limit 1;

-- name: balances_follow_from_postings
select store_id, account as place, 'the balance is ' || coalesce(kept, 0) || ', its postings give ' || coalesce(posted, 0) as finding
from (select store_id, account, balance as kept from balances where store_id between $1 and $2) b
full join (select store_id, account, sum(amount) as posted from postings where store_id between $1 and $2 group by store_id, account) p
    using (store_id, account)
where coalesce(kept, 0) <> coalesce(posted, 0) order by store_id, account limit 1;

-- name: reversals_mirror
select r.store_id, 'journal ' || r.seq as place, 'it does not mirror journal ' || r.reverses as finding
from journals r left join journals j on j.store_id = r.store_id and j.seq = r.reverses and j.store_id between $1 and $2
where r.store_id between $1 and $2 and r.reverses is not null
  and (j.seq is null or j.accounts <> r.accounts
       or r.amounts <> (select array_agg(-amount order by line) from unnest(j.amounts) with ordinality as p (amount, line)))
order by r.store_id, r.seq limit 1;
