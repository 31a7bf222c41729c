"""The studio: restyling over HTTP, for the web page that ships with it and for pipelines.

One server process that never parses a file, and worker processes that do and may die of it. HTTP
exists only here.
"""
