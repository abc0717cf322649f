"""W&B's service as a source: one client a process, complete history, only what is new, bounded."""
