"""The ways to get a reward. Each is started once and measured many times; meanwhile the others rest."""
