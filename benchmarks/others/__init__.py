"""The other ways, each a process of its own that prints or writes its answer."""
