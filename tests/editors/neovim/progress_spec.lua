local Child = require('child')

local files = require('shop')
for number = 1, 400 do
  files[('stock/article_%d.py'):format(number)] = ('def article_%d(count):\n    return count * %d\n'):format(
    number,
    number
  )
end
local nvim = Child.start(Child.project('progress', files))

it('a folder never seen before: progress, rows that say how far it is, and then all of it', function()
  nvim:lua([[
    _G.progress, _G.lines = {}, {}
    vim.api.nvim_create_autocmd('LspProgress', {
      callback = function(event) table.insert(_G.progress, event.data.params.value) end,
    })
    vim.api.nvim_create_autocmd('User', {
      pattern = 'ConexusStatus',
      callback = function() table.insert(_G.lines, require('conexus').statusline()) end,
    })
  ]])
  nvim:keys(':Conexus<CR>')
  nvim:wait('return vim.fn.mode() == "i"')
  nvim:keys('parse_barcode')
  nvim:row('still indexing, ')
  nvim:row('windows/legacy.c:36')
  nvim:keys('<Esc>')
  nvim:settle()
  nvim:wait('return _G.progress[1] and _G.progress[#_G.progress].kind == "end"')
  same(nvim:lua('return _G.progress[1].kind'), 'begin')
  contains(nvim:lua('return _G.progress[1].title'), 'Conexus')
  nvim:wait('return _G.lines[#_G.lines] == "conexus"')
  same(
    nvim:lua('return vim.iter(_G.lines):any(function(line) return line:match("^conexus %d+%%$") ~= nil end)'),
    true
  )
  same(nvim:list('Conexus search article_399').items[1].path, 'stock/article_399.py')
end)
