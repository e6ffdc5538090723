"""What people read: pages (``html``), the look of plots (``figures``), nested records as rows (``records``).

Also files that are whole whenever they are there (``text_file``, ``json_file``), in folders of results that
have one writer each (``folder_lock``). Knows nothing of runs or rewards.
"""
