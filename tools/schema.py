"""Writes the first migration anew from every capability's schema.sql: while nothing is released, it may change.

python tools/schema.py
"""

from pathlib import Path

from houfu.db.migrate import schema_sql

TARGET = Path(__file__).parents[1] / "src/houfu/db/migrations/0001_initial.sql"

if __name__ == "__main__":
    TARGET.write_text(schema_sql(), encoding="utf-8")
