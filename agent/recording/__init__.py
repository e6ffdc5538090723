"""What a run writes while it trains.

Modules: ``run_folder`` (names of files), ``recorder``, ``provenance``, ``episode``, ``samples``,
``marked_frame``, ``wandb_sync``.
"""
