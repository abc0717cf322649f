"""Rows into text or bytes: one module per family of formats, imported when it is wanted."""
