local Child = require('child')

local root = Child.project('commands', require('shop'))
local nvim = Child.start(root)
local SUBCOMMANDS =
  { 'log', 'pause', 'reindex', 'related', 'restart', 'resume', 'search', 'similar', 'status', 'symbols' }

--- Return the lines of the floating window, waiting for it.
local function page()
  return nvim:wait([[
    local floats = vim.api.nvim_win_get_config(0).relative ~= ''
    return floats and vim.api.nvim_buf_get_lines(0, 0, -1, false)
  ]])
end

--- Wait until a change on disk is noticed that is not indexed.
local function incomplete()
  nvim:wait([[
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    local reply = client:request_sync('conexus/search', { query = 'voucher' })
    return not reply.result.completeness.complete
  ]])
end

it('nothing is loaded before it is used', function()
  same(
    nvim:lua(
      [[return vim.tbl_filter(function(name) return name:find('^conexus') end, vim.tbl_keys(package.loaded))]]
    ),
    {}
  )
end)

it('subcommands are completed', function()
  same(nvim:lua('return vim.fn.getcompletion("Conexus ", "cmdline")'), SUBCOMMANDS)
  same(
    nvim:lua('return vim.fn.getcompletion("Conexus re", "cmdline")'),
    { 'reindex', 'related', 'restart', 'resume' }
  )
  same(nvim:lua('return vim.fn.getcompletion("Conexus search re", "cmdline")'), {})
end)

it('an unknown subcommand is said, with the known ones', function()
  nvim:cmd('Conexus serach voucher')
  contains(nvim:message('there is no :Conexus serach'), table.concat(SUBCOMMANDS, ', '))
end)

it('code like a range', function()
  nvim:edit('shop/mail.py')
  nvim:settle()
  nvim:edit('shop/basket.py')
  local list = nvim:list('1,32Conexus similar')
  same(list.title, 'Conexus: like lines 1-32 of shop/basket.py')
  same(list.items[1].path, 'c# code/größe #1.py')
  contains(nvim:entry_text(list.items[1]), 'def paint_shelves')
end)

it('code like a visual selection', function()
  nvim:cmd('cclose')
  nvim:edit('shop/basket.py')
  nvim:keys('ggV31j:Conexus similar<CR>')
  nvim:wait('return vim.bo.buftype == "quickfix"')
  same(nvim:lua('return vim.fn.getqflist({ title = 1 }).title'), 'Conexus: like lines 1-32 of shop/basket.py')
end)

it('code like a buffer that has no name', function()
  nvim:cmd('cclose | enew')
  nvim:lua([[
    local lines = { 'def mail_the_invoice(client, basket):', '    return client.mailbox.deliver(basket)' }
    vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
  ]])
  local list = nvim:list('%Conexus similar')
  same(list.items[1].path, 'shop/mail.py')
  nvim:cmd('cclose | bdelete!')
end)

it('what belongs to a file', function()
  nvim:edit('shop/basket.py')
  local list = nvim:list('Conexus related')
  same(list.title, 'Conexus: related to shop/basket.py')
  local paths = vim.tbl_map(function(item)
    return item.path
  end, list.items)
  same(vim.list_contains(paths, 'tests/test_basket.py'), true)
end)

it('what belongs to the definition in a line', function()
  nvim:cmd('cclose')
  nvim:edit('shop/basket.py')
  local list = nvim:list('33Conexus related')
  same(list.title, 'Conexus: related to shop/basket.py:33')
  same(#list.items > 0, true)
end)

it('symbols by name, and those of the file', function()
  local list = nvim:list('Conexus symbols parse_barcode')
  same({ list.items[1].path, list.items[1].lnum }, { 'windows/legacy.c', 36 })
  contains(list.items[1].text, 'function parse_barcode')
  nvim:cmd('cclose')
  nvim:edit('shop/basket.py')
  list = nvim:list('Conexus symbols')
  same(
    vim.tbl_map(function(item)
      return { item.lnum, item.text }
    end, list.items),
    {
      { 1, 'function paint_shelves' },
      { 33, 'function apply_voucher' },
      { 66, 'class Basket' },
    }
  )
end)

it('status is a page that q closes', function()
  nvim:cmd('cclose | Conexus status')
  local text = table.concat(page(), '\n')
  contains(text, root)
  contains(text, 'ready, 0 files to go')
  contains(text, '6 files')
  contains(text, 'python 4')
  contains(text, 'skipped    never_source 1') -- .git
  nvim:lua([[
    require('conexus.client').ask('conexus/status', vim.empty_dict(), function(_, told) _G.told = told end)
  ]])
  nvim:wait('return _G.told ~= nil')
  contains(text, ('%.1f MB'):format(nvim:lua('return _G.told.folders[1].bytes.total') / 1e6))
  nvim:keys('q')
  nvim:wait('return vim.api.nvim_win_get_config(0).relative == ""')
end)

it('pause and resume, seen by the statusline and by searches', function()
  nvim:lua([[
    _G.states = {}
    vim.api.nvim_create_autocmd('User', {
      pattern = 'ConexusStatus',
      callback = function(event) table.insert(_G.states, event.data.phase) end,
    })
  ]])
  nvim:cmd('Conexus pause')
  nvim:message('indexing is paused')
  nvim:wait('return require("conexus").statusline() == "conexus paused"')
  Child.project('commands', { ['shop/late.py'] = 'def deliver_late():\n    return "sorry"\n' })
  incomplete()
  nvim:edit('shop/mail.py')
  nvim:keys(':Conexus<CR>')
  nvim:wait('return vim.fn.mode() == "i"')
  nvim:keys('deliver_late')
  nvim:row('indexing is paused, ')
  nvim:keys('<Esc>')
  nvim:wait('return vim.fn.mode() == "n"')
  nvim:cmd('Conexus resume')
  nvim:message('indexing goes on')
  nvim:wait('return require("conexus").statusline() == "conexus"')
  nvim:settle()
  same(nvim:list('Conexus search deliver_late').items[1].path, 'shop/late.py')
  same(nvim:lua('return vim.list_contains(_G.states, "paused") and _G.states[#_G.states]'), 'ready')
end)

it('an open live search fills as the index does', function()
  nvim:cmd('cclose | Conexus pause')
  nvim:wait('return require("conexus").statusline() == "conexus paused"')
  Child.project('commands', { ['shop/later.py'] = 'def deliver_much_later():\n    return "sorry"\n' })
  incomplete()
  nvim:keys(':Conexus<CR>')
  nvim:wait('return vim.fn.mode() == "i"')
  nvim:keys('deliver_much_later')
  nvim:row('indexing is paused, ')
  nvim:lua(
    'vim.lsp.get_clients({ name = "conexus" })[1]:request("conexus/resume", vim.empty_dict(), function() end)'
  )
  nvim:row('shop/later.py:1')
  nvim:keys('<Esc>')
  nvim:wait('return vim.fn.mode() == "n"')
end)

it('reindexing compares, with a bang it builds anew', function()
  nvim:cmd('Conexus reindex')
  nvim:message('every file is compared with the index')
  nvim:cmd('Conexus! reindex')
  nvim:message('the index is built anew')
  nvim:settle()
  nvim:wait('return require("conexus").statusline() == "conexus"')
  same(nvim:list('Conexus search parse_barcode').items[1].path, 'windows/legacy.c')
end)

it('the log is opened', function()
  nvim:cmd('cclose | Conexus log')
  nvim:wait('return vim.fs.basename(vim.api.nvim_buf_get_name(0)) == "conexus.log"')
  same(nvim:lua('return vim.bo.readonly'), true)
  nvim:cmd('close')
end)

it('every subcommand has its help', function()
  local doc = assert(vim.env.SPEC_DIRECTORY) .. '/doc'
  vim.fn.mkdir(doc, 'p')
  vim.uv.fs_copyfile(vim.env.SPEC_PLUGIN .. '/doc/conexus.txt', doc .. '/conexus.txt')
  nvim:lua('vim.cmd.helptags((...))', doc)
  local tags = vim
    .iter(io.lines(doc .. '/tags'))
    :map(function(line)
      return vim.split(line, '\t')[1]
    end)
    :totable()
  for _, name in ipairs(SUBCOMMANDS) do
    same({ name, vim.list_contains(tags, ':Conexus-' .. name) }, { name, true })
  end
end)
