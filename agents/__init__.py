"""The warehouse for language-model agents: read-only tools over the Model Context Protocol.

``tools`` holds what can be asked and knows nothing of the protocol, ``answer`` keeps an answer
small enough to be read, and ``server`` is the only file that imports the protocol's SDK.
"""
