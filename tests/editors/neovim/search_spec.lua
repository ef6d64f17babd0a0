local Child = require('child')

local twins = {
  ['left/shelf.py'] = 'HEIGHT = 3\n',
  ['left/jars.py'] = 'def count_jars(shelf):\n    return sum(jar.full for jar in shelf)\n',
  ['right/shelf.py'] = 'HEIGHT = 4\n',
  ['right/jars.py'] = 'def count_jars(board):\n    return sum(jar.whole for jar in board)\n',
}
local root = Child.project('a shop #1 für Ä', vim.tbl_extend('error', require('shop'), twins))
local nvim = Child.start(root)

it('a question fills the quickfix list in the order of the server', function()
  nvim:edit('shop/mail.py')
  nvim:settle()
  local list = nvim:list('Conexus search how is a voucher applied')
  same(list.title, 'Conexus: how is a voucher applied')
  same(list.items[1].path, 'shop/basket.py')
  same(list.items[1].lnum, 33)
  contains(list.items[1].text, 'function apply_voucher: def apply_voucher(total, voucher):')
  same(nvim:lua('return vim.bo.buftype'), 'quickfix')
  local order = nvim:lua([[
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    local near = { active = vim.uri_from_fname(client.root_dir .. '/shop/mail.py') }
    local asked = { query = 'how is a voucher applied', limit = 50, context = near }
    local hits = client:request_sync('conexus/search', asked).result.hits
    return vim.tbl_map(function(hit) return hit.path end, hits)
  ]])
  same(
    vim.tbl_map(function(item)
      return item.path
    end, list.items),
    order
  )
  nvim:keys('<CR>')
  nvim:wait('return vim.bo.buftype == ""')
  same(nvim:position(), { 'shop/basket.py', 33, 'def apply_voucher(total, voucher):' })
end)

it('with a bang it is the location list', function()
  nvim:edit('shop/mail.py')
  nvim:cmd('cclose | Conexus! search invoice mail')
  local list = nvim:wait([[
    local list = vim.fn.getloclist(0, { title = 1, items = 1 })
    return #list.items > 0 and list
  ]])
  same(list.title, 'Conexus: invoice mail')
  nvim:cmd('lclose')
end)

it('of two that answer as well the one near to the file one is in comes first', function()
  nvim:cmd('cclose')
  for _, side in ipairs({ 'left', 'right' }) do
    nvim:edit(side .. '/shelf.py')
    same(nvim:list('Conexus search count_jars').items[1].path, side .. '/jars.py')
    nvim:cmd('cclose')
  end
end)

it('positions fit umlauts, emoji, spaces and # in names', function()
  local list = nvim:list('Conexus search bestimme_größe')
  same(list.items[1].path, 'c# code/größe #1.py')
  nvim:cmd('cfirst')
  same(nvim:position(), { 'c# code/größe #1.py', 34, 'def bestimme_größe(maß):  # 😀 Schuhgröße' })
end)

it('the line that says most of what is asked for is the one to go to', function()
  nvim:list('Conexus search shoe size for a length of foot')
  nvim:cmd('cfirst')
  local docstring = '    """Return the shoe size for a length of foot."""'
  same(nvim:position(), { 'c# code/größe #1.py', 35, docstring })
  same(nvim:lua('return vim.fn.col(".")'), 5)
end)

it('positions fit files with CRLF', function()
  local list = nvim:list('Conexus search parse_barcode')
  same(list.items[1].path, 'windows/legacy.c')
  nvim:cmd('cfirst')
  local path, line, text = unpack(nvim:position())
  same(nvim:lua('return vim.bo.fileformat'), 'dos')
  same({ path, line, text }, { 'windows/legacy.c', 36, 'static int parse_barcode(const char *digits)' })
end)

it('edits of a CRLF file keep positions right', function()
  nvim:edit('windows/legacy.c')
  nvim:keys('ggOstatic int weigh_parcel(int grams) { return grams; } // 漢字 😀<CR><Esc>')
  nvim:wait('return vim.api.nvim_get_mode().mode == "n" and vim.bo.modified')
  nvim:settle()
  nvim:list('Conexus search weigh_parcel')
  nvim:cmd('cfirst')
  same(nvim:position()[1], 'windows/legacy.c')
  contains(nvim:position()[3], 'static int weigh_parcel')
  nvim:list('Conexus search parse_barcode')
  nvim:cmd('cfirst')
  same(nvim:position(), { 'windows/legacy.c', 38, 'static int parse_barcode(const char *digits)' })
  nvim:cmd('edit!')
end)

it('unsaved text is found while it is typed, and not once it is thrown away', function()
  nvim:edit('shop/mail.py')
  nvim:keys('Go<CR>def print_parcel_label(address):<CR>return address.zip_code<Esc>')
  nvim:settle()
  local list = nvim:list('Conexus search print_parcel_label')
  same(list.items[1].path, 'shop/mail.py')
  contains(nvim:entry_text(list.items[1]), 'def print_parcel_label')
  nvim:cmd('cfirst')
  same(nvim:lua('return vim.bo.modified'), true)
  nvim:cmd('cclose | bdelete!')
  nvim:settle()
  local reply = nvim:lua([[
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    return client:request_sync('conexus/search', { query = 'print_parcel_label' }, 10000)
  ]])
  for _, hit in ipairs(reply.result.hits) do
    same(hit.excerpt:find('print_parcel_label', 1, true), nil)
  end
end)

it('a question sees the keystroke before it', function()
  nvim:edit('shop/mail.py')
  local list = nvim:list([[lua
    vim.api.nvim_buf_set_lines(0, 0, 0, false, { 'def gift_wrap(paper):', '    return paper', '', '' })
    vim.cmd('Conexus search gift_wrap')
  ]])
  same(list.items[1].path, 'shop/mail.py')
  contains(nvim:entry_text(list.items[1]), 'def gift_wrap')
  nvim:cmd('cfirst | edit!')
end)

it('entries of a list move with edits made after it', function()
  nvim:edit('shop/basket.py')
  nvim:list('Conexus search apply_voucher')
  nvim:lua('vim.api.nvim_buf_set_lines(vim.fn.bufnr("basket.py"), 0, 0, false, { "# one", "# two" })')
  nvim:cmd('cfirst')
  same(nvim:position(), { 'shop/basket.py', 35, 'def apply_voucher(total, voucher):' })
  nvim:cmd('edit!')
end)

it('a file without a file type is known too, once a question is asked', function()
  nvim:edit('notes')
  same(nvim:lua('return vim.bo.filetype'), '')
  nvim:keys('oGoods from overseas need a customs declaration.<Esc>')
  nvim:wait('return vim.bo.modified')
  nvim:list('Conexus search invoice') -- shows the server the buffer
  nvim:settle()
  local list = nvim:list('Conexus search path:notes customs declaration')
  same(list.items[1].path, 'notes')
  nvim:lua('vim.api.nvim_buf_delete(vim.fn.bufadd(...), { force = true })', root .. '/notes')
end)

it('a file another program wrote is found', function()
  Child.project(
    'a shop #1 für Ä',
    { ['shop/refund.py'] = 'def refund_customer(order):\n    return order.total\n' }
  )
  nvim:wait([[
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    local reply = client:request_sync('conexus/search', { query = 'refund_customer' }, 10000)
    return reply.result and reply.result.hits[1] and reply.result.hits[1].path == 'shop/refund.py'
  ]])
end)

it('nothing found is said', function()
  nvim:cmd('Conexus search path:no_such_directory voucher')
  nvim:message('nothing found for "path:no_such_directory voucher"')
end)
