std = 'luajit'
max_line_length = 110
-- What runner.lua offers to specs, beside Neovim's API.
globals = { 'vim', 'it', 'same', 'contains', 'after_all', 'messages' }
