"""What every door calls: folders that can be reconciled and searched."""
