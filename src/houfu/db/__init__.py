"""Where the data lies: finding a PostgreSQL, its schema, connections and named statements."""
