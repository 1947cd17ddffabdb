"""A simulated marketplace: stores, buyers and a year of trade, driven through the same actions as the service."""
