"""What a run has beside its history, brought in where it is asked for."""
