-- What the modules of this fake share: the picker that is open, and what choosing does.
return { picker = nil, select = nil }
