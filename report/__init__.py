"""The report: runs on one page that works from disk."""
