"""Ratios, bars, tables and plots of what was measured. Measures nothing."""
