"""The server's own pages for people: ``/``, ``/docs`` and ``/redoc``. They ask no other host for anything.

Modules: ``add`` (their routes), ``front_page`` (what ``/`` says). ``assets/`` is what they load. Not for
pages that other packages bring (``pages.py``).
"""
