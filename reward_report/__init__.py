"""What people read: pages (``html``), in folders of results that have one writer each (``folder_lock``).

Knows nothing of runs or rewards.
"""
