"""What a question holds beside its rubric: checked texts, places and what fills them, ensembles, bounds.

Not for the rubric itself (``rubric.py``) or for requests (``requests.py``).
"""
