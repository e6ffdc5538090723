"""From what a request holds to the square image that the model gets.

Modules: ``decode``, ``strip``, ``orientation`` (files), ``raw_frames`` (arrays), ``fit``, ``prepare`` (all of
it, for all images of a request).
"""
