"""The web app of one machine: pages rendered on the server, a typed API, runs that survive the page."""
