"""Figures on a page that works from disk: markup, style, and the script that moves them."""
