"""Servers of one's own on this machine: started for a while, and never left behind."""
