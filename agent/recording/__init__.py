"""What a run writes while it trains.

Modules: ``run_folder`` (names of files), ``recorder``, ``provenance``, ``episode``, ``samples``,
``newest_frames``, ``marked_frame``, ``wandb_sync``.
"""
