"""The agents' server: ``conexus mcp`` answers by the Model Context Protocol from the same live index."""
