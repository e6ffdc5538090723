"""Mends a rubric from frames whose truth is known: corrects its values, and abstains where it errs."""
