"""The language server: one editor's front to the engine. The only layer that knows an editor protocol."""
