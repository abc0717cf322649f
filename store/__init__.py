"""A warehouse in an object store: a local mirror to read, conditional writes to publish, and sync.

Nothing of it is loaded, fsspec least of all, unless a warehouse's place is an address like
``s3://bucket/prefix``.
"""
