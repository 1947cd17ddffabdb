"""A marketplace's own stores, metrics and orders, from CSV or Parquet: every bad row named, nothing half-loaded."""
