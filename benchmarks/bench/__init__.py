"""How fast rewards are, beside every other way to get them: ``python -m benchmarks.bench``.

Groups: ``measuring`` (frames, load, what processes use), ``contenders`` (the ways to get a reward, each in
processes of its own), ``parts`` (what is measured: side by side, growth, the agent, memory), ``reporting``
(ratios, bars, tables, plots). ``docs/performance.md`` says how to read the results.
"""
