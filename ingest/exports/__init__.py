"""Earlier exports of W&B runs as sources: CSV folders, all-in-one JSON, Parquet. No network."""
