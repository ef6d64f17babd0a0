"""A folder's index on disk and the views of it."""
