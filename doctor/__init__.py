"""What may be wrong with an installation, a warehouse or the way to W&B, and what mends it.

One file per thing that is examined; each yields :class:`~dakota_wh.doctor.told.Told`, a line for a
person. Nothing is changed.
"""
