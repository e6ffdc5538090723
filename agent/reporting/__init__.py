"""What a run shows afterwards: ``run_plots``, ``run_report``, ``video``."""
