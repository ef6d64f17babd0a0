local Child = require('child')

local root = Child.project('live', require('shop'))
local nvim = Child.start(root)

--- Open live search, type, and return the number of the row that contains `part`.
local function ask(query, part)
  nvim:keys('<Esc>:Conexus<CR>')
  nvim:wait('return vim.fn.mode() == "i" and vim.bo.buftype == "prompt"')
  nvim:keys(query)
  return nvim:row(part)
end

local function closed()
  nvim:wait([[
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        return false
      end
    end
    return vim.fn.mode() == 'n'
  ]])
end

--- Return the text and the highlighted lines of the preview.
local function preview()
  return nvim:lua([[
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      local buffer = vim.api.nvim_win_get_buf(window)
      local namespace = vim.api.nvim_get_namespaces()['conexus.preview']
      local marks = vim.api.nvim_buf_get_extmarks(buffer, namespace, 0, -1, {})
      if #marks > 0 then
        local shown = vim.api.nvim_win_call(window, function()
          return { vim.fn.line('w0'), vim.fn.line('w$') }
        end)
        return {
          first = vim.api.nvim_buf_get_lines(buffer, marks[1][2], marks[1][2] + 1, false)[1],
          count = #marks,
          cursor = vim.api.nvim_win_get_cursor(window)[1],
          line = marks[1][2] + 1,
          visible = shown[1] <= marks[1][2] + 1 and marks[1][2] + 1 <= shown[2],
        }
      end
    end
  ]])
end

it('answers come while one types; Enter lands on the right line', function()
  nvim:edit('shop/mail.py')
  nvim:keys('3G')
  same(ask('shoe size for a length', 'bestimme_größe'), 1)
  contains(nvim:rows()[1], 'function')
  contains(nvim:rows()[1], 'c# code/größe #1.py:35')
  contains(nvim:rows()[1], 'Return the shoe size for a length of foot')
  nvim:keys('<CR>')
  closed()
  same(
    nvim:position(),
    { 'c# code/größe #1.py', 35, '    """Return the shoe size for a length of foot."""' }
  )
  nvim:keys('<C-o>')
  nvim:wait('return vim.api.nvim_buf_get_name(0):find("mail.py") ~= nil')
  same(nvim:position()[2], 3)
end)

it('more typing replaces the answers', function()
  ask('voucher', 'apply_voucher')
  nvim:keys('<C-u>parse_barcode')
  vim.wait(30000, function()
    local row = (nvim:rows() or {})[1]
    return row and row:find('parse_barcode', 1, true) ~= nil
  end, 30)
  contains(nvim:rows()[1], 'windows/legacy.c:36')
  nvim:keys('<Esc>')
  closed()
end)

it('between two questions neither list nor preview is empty, and the windows stay', function()
  ask('voucher', 'apply_voucher')
  local windows = nvim:lua([[
    _G.writes, _G.blank = 0, {}
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      local buffer = vim.api.nvim_win_get_buf(window)
      if vim.bo[buffer].buftype == 'nofile' then
        vim.api.nvim_buf_attach(buffer, false, {
          on_lines = function()
            _G.writes = _G.writes + 1
            local text = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false))
            if vim.trim(text) == '' then
              table.insert(_G.blank, vim.api.nvim_win_get_config(window).title)
            end
          end,
        })
      end
    end
    return vim.api.nvim_list_wins()
  ]])
  for _, letters in ipairs({ ' reduce', ' total', ' below', ' zero', '<C-w><C-w><C-w><C-w>' }) do
    nvim:keys(letters)
    vim.wait(120)
  end
  nvim:keys('<BS><C-w>parse_barcode')
  local ok = vim.wait(30000, function()
    local row = (nvim:rows() or {})[1]
    return row and row:find('windows/legacy.c:36', 1, true) ~= nil
  end, 30)
  same(ok, true)
  same(nvim:lua('return _G.blank'), {})
  same(nvim:lua('return _G.writes >= 4'), true)
  same(nvim:lua('return vim.api.nvim_list_wins()'), windows)
  nvim:keys('<Esc>')
  closed()
end)

it('moving previews the place with its lines highlighted', function()
  local number = ask('voucher', 'apply_voucher')
  for _ = 2, number do
    nvim:keys('<Down>')
  end
  nvim:wait([[return _G.messages]])
  local shown = preview()
  same(shown.first, 'def apply_voucher(total, voucher):')
  same({ shown.line, shown.cursor, shown.visible }, { 33, 33, true })
  same(shown.count >= 30, true)
  nvim:keys('<C-n><C-p>')
  same(preview().first, 'def apply_voucher(total, voucher):')
  nvim:keys('<C-n>')
  nvim:wait('return true')
  same(preview().first ~= 'def apply_voucher(total, voucher):', true)
  nvim:keys('<Esc>')
  closed()
end)

it('Escape returns to where the user was', function()
  nvim:edit('shop/mail.py')
  nvim:keys('5G$')
  nvim:wait('return vim.fn.line(".") == 5')
  local before = nvim:lua('return { vim.api.nvim_get_current_win(), vim.api.nvim_win_get_cursor(0) }')
  ask('voucher', 'apply_voucher')
  nvim:keys('<Esc>')
  closed()
  same(nvim:lua('return { vim.api.nvim_get_current_win(), vim.api.nvim_win_get_cursor(0) }'), before)
end)

for key, wins in pairs({
  ['<C-x>'] = { 'col', 2, 1 },
  ['<C-v>'] = { 'row', 2, 1 },
  ['<C-t>'] = { 'leaf', 1, 2 },
}) do
  it(key .. ' opens beside', function()
    nvim:cmd('silent! tabonly | only')
    nvim:edit('shop/mail.py')
    ask('parse_barcode', 'windows/legacy.c:36')
    nvim:keys(key)
    closed()
    same(nvim:position(), { 'windows/legacy.c', 36, 'static int parse_barcode(const char *digits)' })
    same(nvim:lua('return { vim.fn.winlayout()[1], vim.fn.winnr("$"), vim.fn.tabpagenr("$") }'), wins)
  end)
end

it('<C-q> sends all to the quickfix list', function()
  nvim:cmd('silent! tabonly | only')
  ask('voucher', 'apply_voucher')
  -- Remarks are rows, too, and no entries of a list.
  local shown = vim.iter(nvim:rows()):filter(function(row)
    return row:find(':%d+  ') ~= nil
  end)
  nvim:keys('<C-q>')
  nvim:wait('return vim.bo.buftype == "quickfix"')
  local list = nvim:lua('return vim.fn.getqflist({ title = 1, size = 1 })')
  same(list, { title = 'Conexus: voucher', size = #shown:totable() })
  nvim:cmd('cclose')
end)

it('what is missing is a row', function()
  ask('', 'type a question, a name or some code')
  nvim:keys('path:no_such_directory voucher')
  nvim:row('nothing found for "path:no_such_directory voucher"')
  nvim:keys('<CR>') -- opens nothing
  same(nvim:lua('return vim.bo.buftype'), 'prompt')
  nvim:keys('<C-u>')
  nvim:row('type a question, a name or some code')
  nvim:keys('<C-c>')
  closed()
end)

it('unsaved text is previewed and opened where it is', function()
  nvim:edit('shop/basket.py')
  nvim:keys('ggO# 漢字<CR><CR><Esc>')
  nvim:wait('return vim.bo.modified')
  nvim:edit('shop/mail.py')
  local number = ask('how is a voucher applied', 'apply_voucher')
  same(number, 1)
  nvim:wait('return true')
  same(preview().first, 'def apply_voucher(total, voucher):')
  nvim:keys('<CR>')
  closed()
  same(nvim:position(), { 'shop/basket.py', 36, 'def apply_voucher(total, voucher):' })
  nvim:cmd('edit!')
end)

it('what was asked before is taken back, and its answer never shown', function()
  nvim:lua([[
    _G.cancelled = 0
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    local cancel = client.cancel_request
    client.cancel_request = function(...)
      _G.cancelled = _G.cancelled + 1
      return cancel(...)
    end
    -- A server that takes its time: each question leaves a moment for the next keystroke.
    local request = client.request
    client.request = function(self, method, params, handler, ...)
      return request(self, method, params, function(...)
        local reply = { ... }
        vim.defer_fn(function() handler(unpack(reply)) end, 200)
      end, ...)
    end
  ]])
  nvim:keys(':Conexus<CR>')
  nvim:wait('return vim.fn.mode() == "i"')
  for _, letters in ipairs({ 'invo', 'ice ', 'mail' }) do
    nvim:keys(letters)
    vim.wait(120)
  end
  nvim:keys('<C-u>parse_barcode')
  vim.wait(30000, function()
    local row = (nvim:rows() or {})[1]
    return row and row:find('windows/legacy.c:36', 1, true) ~= nil
  end, 30)
  contains(nvim:rows()[1], 'windows/legacy.c:36')
  same(nvim:lua('return _G.cancelled >= 2'), true)
  nvim:keys('<Esc>')
  closed()
end)

it('a screen that shrinks keeps everything on it', function()
  ask('voucher', 'apply_voucher')
  nvim:lua('vim.o.columns, vim.o.lines = 70, 24')
  local outside = nvim:lua([[
    return vim.tbl_filter(function(window)
      local place = vim.api.nvim_win_get_config(window)
      return place.relative ~= '' and (place.col + place.width + 2 > 70 or place.row + place.height + 2 > 24)
    end, vim.api.nvim_list_wins())
  ]])
  same(outside, {})
  nvim:keys('<Esc>')
  closed()
end)
