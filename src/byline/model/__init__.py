"""The facts, pure: no I/O, no clock, no environment.

``event`` is what travels, ``codec`` reads and writes it, ``diff`` makes ``change`` rows of it, ``paths`` names their
attributes, ``values`` gives their text and type, ``digest`` and ``device`` what else a row needs; ``query`` is how
the history is asked.
"""
