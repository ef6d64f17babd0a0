"""Text to words to vectors."""
