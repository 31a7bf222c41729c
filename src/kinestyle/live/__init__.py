"""Restyling while the motion is still being made: frames in, frames out a little later.

`StreamingStylizer` is the whole of it for programs; `kinestyle live` puts it between two programs
that speak the VMC protocol.
"""
