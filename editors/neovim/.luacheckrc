std = 'luajit'
max_line_length = 110
-- vim is Neovim's API; its option tables are there to be assigned to.
globals = { 'vim' }
files['**/*_spec.lua'] = { read_globals = { 'describe', 'it', 'before_all', 'after_all' } }
