"""The commands of ``dakota-wh``, one module each; :mod:`dakota_wh.cli` imports one when called."""
