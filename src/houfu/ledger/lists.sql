-- name: entries_before
select p.store_id, p.seq, p.line, p.kind, p.account, p.amount, p.currency, p.subject, p.reverses, p.occurred_at, p.recorded_at,
       chart.type
from postings p join chart_of_accounts chart using (account)
where p.store_id = $1 and (chart.merchant_visible or $2) and ($3::text is null or p.account = $3)
  and ($4::timestamptz is null or p.occurred_at >= $4) and ($5::timestamptz is null or p.occurred_at < $5)
  and p.seq <= $6 and (p.seq < $6 or p.line > $7)
order by p.seq desc, p.line limit $8;

-- name: currency_of_books
select currency from books where store_id = $1;

-- name: store_exists
select exists (select from stores where store_id = $1);
