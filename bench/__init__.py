"""What Conexus costs and how well it finds, measured; run `python -m bench`."""
