"""Ensembles of any model: a table of patients in, tables of visits and events out, at any size."""
