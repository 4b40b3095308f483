"""Pages, one module each: read from the API's functions, rendered on the server."""
