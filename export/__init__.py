"""From the warehouse to files: whole runs that ``ingest`` reads back, and the guide's analyses."""
