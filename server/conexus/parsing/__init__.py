"""Source text to chunks and symbols."""
