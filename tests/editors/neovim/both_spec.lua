-- What every client must bear: several folders, buffers without a file, files that come and go, edits after
-- the answer, another position encoding, and processes that are killed in the midst of it.
local Child = require('child')

local root = Child.project('both', require('shop'))
local nvim = Child.start(root)

local function long(head, count)
  local lines = { head }
  for number = 1, count do
    lines[#lines + 1] = ('    ledger.append(row_%d, tax=%d)'):format(number, number)
  end
  return table.concat(lines, '\n') .. '\n'
end

--- Open live search and type.
local function ask(query, part)
  nvim:keys(':Conexus<CR>')
  nvim:wait('return vim.fn.mode() == "i" and vim.bo.buftype == "prompt"')
  nvim:keys(query)
  return nvim:row(part)
end

local function closed()
  nvim:wait('return vim.fn.mode() == "n" and vim.bo.buftype == ""')
end

--- Return the paths of what is found.
local function found(query)
  return nvim:lua(
    [[
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    local reply = client:request_sync('conexus/search', { query = ... }, 20000)
    return vim.tbl_map(function(hit) return hit.path end, reply.result.hits)
  ]],
    query
  )
end

--- Wait until an answer is in a file, or, where a dash stands before its path, until none is.
local function until_found(query, path)
  local ok = vim.wait(30000, function()
    local name = path:gsub('^-', '')
    return vim.list_contains(found(query), name) == (name == path)
  end, 50)
  same({ ok, not ok and found(query) }, { true, false })
end

it('a buffer that has no name is compared by its text, and questions about its file are answered', function()
  nvim:edit('shop/mail.py')
  nvim:settle()
  nvim:cmd('enew | setfiletype python')
  nvim:lua([[
    local lines = { 'def mail_the_invoice(client, basket):', '    return client.mailbox.deliver(basket)' }
    vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
  ]])
  same(nvim:list('%Conexus similar').items[1].path, 'shop/mail.py')
  nvim:cmd('cclose | Conexus related')
  nvim:message('this buffer is no file of the project')
  nvim:lua('_G.messages = {}')
  nvim:cmd('Conexus symbols')
  nvim:message('this buffer is no file of the project')
  same(nvim:list('Conexus symbols parse_barcode').items[1].path, 'windows/legacy.c')
  nvim:cmd('cclose | bdelete!')
end)

it('lines of a notebook are compared as they stand in the buffer', function()
  local cell = { cell_type = 'code', metadata = vim.empty_dict(), outputs = {}, source = {} }
  cell.source =
    { 'def send_the_invoice(customer, basket):\n', '    return customer.mailbox.deliver(basket)\n' }
  Child.project('both', {
    ['study.ipynb'] = vim.json.encode({
      cells = { cell },
      metadata = vim.empty_dict(),
      nbformat = 4,
      nbformat_minor = 5,
    }),
  })
  until_found('send_the_invoice', 'study.ipynb')
  nvim:edit('study.ipynb')
  nvim:settle()
  local list = nvim:list('%Conexus similar')
  same(list.items[1].path, 'shop/mail.py')
  -- Unsaved, as everywhere.
  nvim:lua([[
    local buffer = vim.fn.bufnr('study.ipynb')
    local text = vim.api.nvim_buf_get_lines(buffer, 0, -1, false)[1]
    text = text:gsub('send_the_invoice', 'dispatch_by_pigeon')
    vim.api.nvim_buf_set_lines(buffer, 0, -1, false, { text })
  ]])
  nvim:settle()
  until_found('dispatch_by_pigeon', 'study.ipynb')
  nvim:cmd('cclose')
  nvim:lua('vim.api.nvim_buf_delete(vim.fn.bufnr("study.ipynb"), { force = true })')
end)

it('a renamed file is found under its new name, also when its buffer is', function()
  Child.project('both', { ['shop/stamp.py'] = long('def lick_stamp(stamp):', 3) })
  until_found('lick_stamp', 'shop/stamp.py')
  assert(vim.uv.fs_rename(root .. '/shop/stamp.py', root .. '/shop/postage ü.py'))
  until_found('lick_stamp', 'shop/postage ü.py')
  nvim:edit('shop/postage ü.py')
  nvim:cmd('saveas shop/postage\\ \\#2.py')
  nvim:lua(
    "vim.api.nvim_buf_set_lines(0, -1, -1, false, { '', 'def peel_stamp(stamp):', '    return stamp' })"
  )
  nvim:settle()
  until_found('peel_stamp', 'shop/postage #2.py')
  nvim:list('Conexus search peel_stamp')
  nvim:cmd('cfirst')
  same(nvim:position(), { 'shop/postage #2.py', 6, 'def peel_stamp(stamp):' })
  nvim:cmd('cclose | write | bdelete')
end)

it('a deleted file is not found any more, and its open buffer still is', function()
  nvim:edit('shop/mail.py')
  os.remove(root .. '/shop/postage #2.py')
  until_found('peel_stamp', '-shop/postage #2.py')
  Child.project('both', { ['shop/glue.py'] = long('def boil_glue(pot):', 3) })
  until_found('boil_glue', 'shop/glue.py')
  nvim:edit('shop/glue.py')
  nvim:keys('ggO# hot<Esc>')
  nvim:settle()
  os.remove(root .. '/shop/glue.py')
  vim.wait(500)
  nvim:edit('shop/mail.py')
  ask('boil_glue', 'shop/glue.py:2')
  nvim:keys('<CR>')
  closed()
  same(nvim:position(), { 'shop/glue.py', 2, 'def boil_glue(pot):' })
  nvim:cmd('bdelete!')
end)

for what, edit in
  vim.spairs({
    ['above it'] = 'vim.api.nvim_buf_set_lines(0, 0, 0, false, { "# one", "", "# two" })',
    ['above it, away'] = 'vim.api.nvim_buf_set_lines(0, 0, 20, false, {})',
    ['within it'] = 'vim.api.nvim_buf_set_lines(0, 40, 40, false, { "    # one", "    # two" })',
    ['of its copy above'] = [[
      vim.api.nvim_buf_set_lines(0, 0, 0, false, { 'def apply_voucher(total, voucher):', '    pass', '' })
    ]],
    ['of its first line'] = [[
      vim.api.nvim_buf_set_lines(0, 32, 33, false, { 'def apply_coupon(total, voucher):' })
      vim.api.nvim_buf_set_lines(0, 0, 0, false, { '', '# one', '' })
    ]],
  })
do
  it('a jump lands on the right line after edits ' .. what, function()
    nvim:edit('shop/basket.py')
    nvim:settle()
    ask('apply_voucher', 'shop/basket.py:33')
    nvim:lua(([[
      vim.api.nvim_buf_call(vim.fn.bufnr('shop/basket.py'), function() %s end)
    ]]):format(edit))
    nvim:keys('<CR>')
    closed()
    local path, _, line = unpack(nvim:position())
    local below = nvim:lua('return vim.fn.getline(vim.fn.line(".") + 1)')
    same(path, 'shop/basket.py')
    contains(line, what == 'of its first line' and 'def apply_coupon(' or 'def apply_voucher(')
    contains(below, 'Reduce the total by a voucher')
    nvim:cmd('edit!')
    nvim:settle()
  end)
end

it('an engine that is killed while one types is not noticed', function()
  nvim:edit('shop/mail.py')
  ask('voucher', 'apply_voucher')
  local pid = nvim:lua([[
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    return client:request_sync('conexus/status', vim.empty_dict(), 20000).result.pid
  ]])
  vim.uv.kill(pid, 'sigkill')
  nvim:keys('<C-u>parse_barcode')
  nvim:row('windows/legacy.c:36')
  nvim:keys('<CR>')
  closed()
  same(nvim:position(), { 'windows/legacy.c', 36, 'static int parse_barcode(const char *digits)' })
end)

it('a server that is killed while one types is started by the next keystroke', function()
  nvim:edit('shop/mail.py')
  ask('voucher', 'apply_voucher')
  local children = nvim:lua('return vim.api.nvim_get_proc_children(vim.uv.os_getpid())')
  same(#children, 1)
  vim.uv.kill(children[1], 'sigkill')
  nvim:message('the server ended with signal 9')
  nvim:keys('<C-u>parse_barcode')
  nvim:row('windows/legacy.c:36')
  nvim:keys('<CR>')
  closed()
  same(nvim:position(), { 'windows/legacy.c', 36, 'static int parse_barcode(const char *digits)' })
end)

it('a folder that is added to the workspace is searched with it, until it is removed', function()
  local second = Child.project('second folder #2', { ['wagon.py'] = long('def couple_wagons(train):', 3) })
  nvim:edit('shop/mail.py')
  nvim:lua('vim.lsp.buf.add_workspace_folder(...)', second)
  until_found('couple_wagons', 'wagon.py')
  nvim:list('Conexus search couple_wagons')
  nvim:cmd('cfirst')
  same(nvim:position(), { second .. '/wagon.py', 1, 'def couple_wagons(train):' })
  nvim:cmd('cclose | bdelete')
  nvim:edit('shop/mail.py')
  nvim:lua('vim.lsp.buf.remove_workspace_folder(...)', second)
  until_found('couple_wagons', '-wagon.py')
end)

local other = Child.start(root)

it('positions in UTF-16 lead to the same place', function()
  other:lua([[
    local capabilities = { general = { positionEncodings = { 'utf-16' } } }
    vim.lsp.config('conexus', { capabilities = capabilities })
  ]])
  other:edit('c# code/größe #1.py')
  other:keys('GoWIDE = "漢字 😀"; zwölf_boxkämpfer = 12<CR><Esc>')
  other:settle()
  same(other:lua('return vim.lsp.get_clients({ name = "conexus" })[1].offset_encoding'), 'utf-16')
  other:edit('shop/mail.py')
  local list = other:list('Conexus search zwölf_boxkämpfer')
  same(list.items[1].path, 'c# code/größe #1.py')
  other:cmd('cfirst')
  contains(other:position()[3], 'zwölf_boxkämpfer')
end)
