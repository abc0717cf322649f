"""From a source's log rows to the warehouse: recognise, read, decide the meaning, publish."""
