"""Charts of what runs logged: in the terminal, as PNG, SVG or a page."""
