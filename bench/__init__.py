"""Benchmarks: this program and what else one would use, on the same pages, in one run.

``make bench`` runs every module here that is named ``bench_…`` and writes a table and a plot for each into
``results/``. A benchmark is no test: it says how things are, and nothing fails by it.
"""
