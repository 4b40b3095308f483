"""The typed API: everything that the pages do, one module for each subject."""
