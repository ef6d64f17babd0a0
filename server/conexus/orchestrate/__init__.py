"""Workflows of small agents over one live index: a question in, evidence that fits a budget out."""
