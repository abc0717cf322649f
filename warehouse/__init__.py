"""The folder on disk and everything that reads or writes it: Parquet is the truth."""
