"""``reward watch``: a run while it goes, or a finished one, in the terminal or on a live page.

Modules: ``command`` (options, and the loop), ``run_state`` (what the files say so far), ``wording`` (how it
goes, in words); of the terminal ``view``, ``pictures`` (frames as half blocks) and ``marks`` (curves and bars
of characters); of the page ``live_page`` (serves it, ``live_page.html``) and ``snapshot`` (what it shows).
Nothing here writes into the folder of a run.
"""
