"""What age groups buy: baskets from the broker into Parquet, and reports and offers from it."""
