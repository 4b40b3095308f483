"""Runs that belong to the server: a registry, a queue, a worker process for each run."""
