"""From base64 to the square image that the model gets.

Modules: ``decode``, ``strip``, ``orientation``, ``fit``, ``prepare`` (both, for all images of a request).
"""
