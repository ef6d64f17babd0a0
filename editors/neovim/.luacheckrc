std = 'luajit'
max_line_length = 110
-- vim is Neovim's API; its option tables are there to be assigned to.
globals = { 'vim' }
