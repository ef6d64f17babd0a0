local Child = require('child')

local root = Child.project('failures', require('shop'))
local nvim = Child.start(root)

local function server()
  return nvim:wait([[
    local children = vim.api.nvim_get_proc_children(vim.uv.os_getpid())
    return #children == 1 and children[1]
  ]])
end

local function status()
  return nvim:wait([[
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    local reply = client and client:request_sync('conexus/status', vim.empty_dict(), 20000)
    return reply and reply.result
  ]])
end

it('an engine that is killed is replaced, and knows the unsaved text', function()
  nvim:edit('shop/mail.py')
  nvim:keys('Go<CR>def pack_fragile_goods(box):<CR>return box<Esc>')
  nvim:settle()
  local before = status().pid
  vim.uv.kill(before, 'sigkill')
  vim.wait(10000, function()
    return vim.uv.kill(before, 0) ~= 0
  end, 20)
  local list = nvim:list('Conexus search pack_fragile_goods')
  same(#list.items > 0, true)
  nvim:settle()
  list = nvim:list('Conexus search pack_fragile_goods')
  same(list.items[1].path, 'shop/mail.py')
  contains(nvim:entry_text(list.items[1]), 'def pack_fragile_goods')
  same(status().pid ~= before, true)
end)

it('a server that is killed is named, and started by the next search', function()
  local before = server()
  vim.uv.kill(before, 'sigkill')
  nvim:message('the server ended with signal 9')
  nvim:wait('return #vim.lsp.get_clients({ name = "conexus" }) == 0')
  same(nvim:lua('return require("conexus").statusline()'), '')
  local list = nvim:list('Conexus search pack_fragile_goods')
  same(#list.items > 0, true)
  nvim:settle()
  list = nvim:list('Conexus search pack_fragile_goods')
  contains(nvim:entry_text(list.items[1]), 'def pack_fragile_goods')
  same(server() ~= before, true)
end)

it('restart brings another server that knows the unsaved text', function()
  local before = server()
  nvim:cmd('cclose | Conexus restart')
  nvim:message('the server runs again')
  same(server() ~= before, true)
  nvim:settle()
  local list = nvim:list('Conexus search pack_fragile_goods')
  contains(nvim:entry_text(list.items[1]), 'def pack_fragile_goods')
  same(nvim:lua('return #vim.lsp.get_clients({ name = "conexus" })'), 1)
end)

it('a file that was edited since the answer is still opened at the right line', function()
  nvim:cmd('cclose')
  nvim:edit('shop/mail.py')
  nvim:keys(':Conexus<CR>')
  nvim:wait('return vim.fn.mode() == "i"')
  nvim:keys('parse_barcode')
  nvim:row('windows/legacy.c:36')
  local path = root .. '/windows/legacy.c'
  local text = table.concat(vim.fn.readfile(path, 'b'), '\n')
  vim.fn.writefile(vim.split('/* one */\r\n/* two */\r\n' .. text, '\n'), path, 'b')
  nvim:keys('<CR>')
  nvim:wait('return vim.fn.mode() == "n" and vim.bo.buftype == ""')
  same(nvim:position(), { 'windows/legacy.c', 38, 'static int parse_barcode(const char *digits)' })
end)

it('a file that is gone is said', function()
  nvim:edit('shop/mail.py')
  nvim:keys(':Conexus<CR>')
  nvim:wait('return vim.fn.mode() == "i"')
  nvim:keys('shoe size for a length')
  nvim:row('c# code/größe #1.py:35')
  os.remove(root .. '/c# code/größe #1.py')
  nvim:keys('<CR>')
  nvim:message('größe #1.py is gone')
  same(nvim:position()[1], 'shop/mail.py')
end)

it('two projects have an index each', function()
  local other = Child.project('other', { ['kitchen.py'] = 'def bake_bread(flour):\n    return flour\n' })
  nvim:lua('vim.cmd.edit(...)', other .. '/kitchen.py')
  nvim:wait('return #vim.lsp.get_clients({ name = "conexus", bufnr = 0 }) == 1')
  nvim:wait([[
    local client = vim.lsp.get_clients({ name = 'conexus', bufnr = 0 })[1]
    return client and client:request_sync('conexus/waitForRevision', { complete = true }, 30000)
  ]])
  local list = nvim:list('Conexus search bake_bread')
  local names = nvim:lua([[
    return vim.tbl_map(function(item) return vim.api.nvim_buf_get_name(item.bufnr) end, vim.fn.getqflist())
  ]])
  same({ #list.items, names }, { 1, { other .. '/kitchen.py' } })
end)

it('checkhealth names server, engine, model and watcher', function()
  nvim:cmd('cclose')
  nvim:edit('shop/mail.py')
  nvim:cmd('checkhealth conexus')
  local text = nvim:wait([[
    local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
    return vim.bo.filetype == 'checkhealth' and text:find('Engine', 1, true) and text
  ]])
  contains(text, "vim.lsp.enable('conexus') is in force")
  contains(text, 'OK version 0.11')
  contains(text, 'OK index and search')
  contains(text, 'file watches: ')
  contains(text, 'local socket: ')
  contains(text, 'model static')
  contains(text, 'OK version 0.')
  contains(text, root)
  contains(text, 'files are followed by: watching')
  same(text:find('ERROR', 1, true), nil)
end)

local lonely = Child.start(root, { PATH = '/usr/bin:/bin' })

it('a missing server is named, with the way to install it', function()
  lonely:edit('shop/mail.py')
  lonely:cmd('Conexus search voucher')
  contains(lonely:message('the server `conexus` was not found'), 'uv tool install conexus-lsp')
  lonely:keys(':Conexus<CR>')
  lonely:wait('return vim.fn.mode() == "i"')
  lonely:keys('voucher')
  lonely:row('the server `conexus` was not found')
  lonely:keys('<Esc>')
  lonely:wait('return vim.fn.mode() == "n"')
  lonely:cmd('checkhealth conexus')
  local text = lonely:lua('return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\\n")')
  contains(text, 'ERROR the server `conexus` was not found')
end)

local nowhere = Child.start(assert(vim.env.HOME))

it('a home directory is not taken for a project', function()
  nowhere:cmd('Conexus search voucher')
  nowhere:message('there is no project here')
  same(nowhere:lua('return #vim.lsp.get_clients({ name = "conexus" })'), 0)
end)
