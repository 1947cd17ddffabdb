-- name: newest_number
select coalesce(max(number), 0) from calendar_versions where name = $1;

-- name: documents
select number, document from calendar_versions where name = $1 order by number;

-- name: versions
select name as calendar, number, version, years, sha256, imported_by, note, recorded_at
from calendar_versions where name = $1 and ($2::integer is null or number < $2) order by number desc limit $3;

-- name: known_names
select distinct name from calendar_versions order by name;

-- name: documents_until
select document from calendar_versions where name = $1 and number <= $2 order by number;

-- name: insert_version
insert into calendar_versions (name, number, version, years, document, sha256, imported_by, note, recorded_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);
