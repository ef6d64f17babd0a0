-- The sources for other plugins' pickers. SPEC_PICKERS names a folder with checkouts of the real plugins;
-- without it each plugin is a fake of what it documents, in `fakes`.
local Child = require('child')

local root = Child.project('pickers', require('shop'))
local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
local real = vim.env.SPEC_PICKERS

--- What of each plugin the spec must know: its repositories, how it begins, how its rows are read.
local PLUGINS = {
  telescope = {
    repositories = { 'plenary.nvim', 'telescope.nvim' },
    rows = [[
      local state = require('telescope.actions.state')
      local picker = state.get_current_picker(vim.api.nvim_get_current_buf())
      local entries = vim.iter(picker.manager:iter()):totable()
      -- It chooses the first of them a moment after it has them.
      local ready = entries[1] == picker:get_selection()
      return ready and vim.tbl_map(function(entry) return entry.value end, entries) or {}
    ]],
    vertical = '<C-v>',
    next = '<C-p>',
  },
  snacks = {
    repositories = { 'snacks.nvim' },
    setup = 'require("snacks").setup({ picker = {} })',
    rows = [[
      local picker = Snacks.picker.get()[1]
      return vim.tbl_map(function(item) return item.item end, picker and picker:items() or {})
    ]],
    vertical = '<C-v>',
  },
  mini = {
    repositories = { 'mini.pick' },
    setup = 'require("mini.pick").setup()',
    rows = 'return (MiniPick.get_picker_items() or {})',
    vertical = '<C-v>',
    mark = '<C-x>',
    marks = 'return MiniPick.get_picker_matches().marked',
    marked = '<C-a><M-CR>',
  },
  fzf = {
    repositories = { 'fzf-lua' },
    setup = [[require('fzf-lua').setup({
      winopts = { fullscreen = true, preview = { layout = 'vertical' } },
    })]],
    vertical = '<C-v>',
    -- What is chosen in fzf is a row, whatever stands in it.
    keeps_row = true,
    marked = '<C-q>',
  },
}

--- Return the rows of a terminal, where there are no items to ask for.
local SCREEN = [[
  local rows = {}
  for _, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
    rows[#rows + 1] = line:match(':%d+  ') and { text = vim.trim((line:gsub('^[%s>▌|│]+', ''))) } or nil
  end
  return rows
]]

for name, plugin in vim.spairs(PLUGINS) do
  local nvim = Child.start(root)

  --- Return the texts of the rows once the first contains `part`.
  local function rows(part)
    return nvim:wait(
      ([[
        local part, read = ..., function() %s end
        local ok, items = pcall(read)
        local texts = vim.tbl_map(function(item) return item.text end, ok and items or {})
        return texts[1] and texts[1]:find(part, 1, true) and texts
      ]]):format(plugin.rows or SCREEN),
      part
    )
  end

  --- Wait until a window shows `part`.
  local function shown(part)
    nvim:wait(
      [[
      local text = {}
      for _, window in ipairs(vim.api.nvim_list_wins()) do
        vim.list_extend(text, vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false))
      end
      return table.concat(text, '\n'):find(..., 1, true) ~= nil
    ]],
      part
    )
  end

  --- Return where the answers to a question are, in the order of the server.
  local function order(query)
    return nvim:lua(
      [[
      local client = vim.lsp.get_clients({ name = 'conexus' })[1]
      local near = { active = vim.uri_from_fname(client.root_dir .. '/shop/mail.py') }
      local asked = { query = ..., limit = 50, context = near }
      local hits = client:request_sync('conexus/search', asked, 20000).result.hits
      return vim.tbl_map(require('conexus.rows').where, hits)
    ]],
      query
    )
  end

  --- Wait until the preview begins its highlights with a line.
  local function previews(line)
    nvim:wait(
      [[
      local namespace = vim.api.nvim_get_namespaces()['conexus.preview']
      for _, window in ipairs(vim.api.nvim_list_wins()) do
        local buffer = vim.api.nvim_win_get_buf(window)
        local mark = vim.api.nvim_buf_get_extmarks(buffer, namespace, 0, -1, {})[1]
        if mark then
          return vim.api.nvim_buf_get_lines(buffer, mark[2], mark[2] + 1, false)[1] == ...
        end
      end
    ]],
      line
    )
  end

  --- Close what a test before this one left open when it failed.
  local function close()
    if nvim:lua('return vim.api.nvim_win_get_config(0).relative') ~= '' then
      nvim:keys('<C-c>')
      nvim:wait('return vim.api.nvim_win_get_config(0).relative == ""')
    end
    nvim:keys('<C-\\><C-n>')
    nvim:cmd('silent! tabonly | silent! only')
  end

  --- Open the picker, wait until it takes keys, and type.
  local function ask(query, command, incomplete)
    close()
    nvim:edit('shop/mail.py')
    if not incomplete then
      nvim:cmd('silent Conexus resume')
      nvim:settle()
    end
    local before = nvim:lua('return vim.api.nvim_get_current_win()')
    nvim:keys(command or (':lua require("conexus").pick(%q)<CR>'):format(name))
    nvim:wait(
      'return vim.api.nvim_get_current_win() ~= ... and vim.api.nvim_win_get_config(0).relative ~= ""',
      before
    )
    vim.wait(200)
    nvim:keys(query)
  end

  local function landed(path)
    nvim:wait('return vim.api.nvim_buf_get_name(0):find(..., 1, true) ~= nil', path)
    nvim:wait('return vim.api.nvim_get_mode().mode == "n"')
    return nvim:position()
  end

  local function loaded()
    for _, repository in ipairs(plugin.repositories) do
      local path = real and vim.fs.joinpath(real, repository) or vim.fs.joinpath(here, 'fakes')
      nvim:lua('vim.opt.runtimepath:append(...)', path)
    end
    nvim:lua(plugin.setup or '')
  end

  it(name .. ' shows the answers in the order of the server', function()
    loaded()
    ask('voucher')
    local listed, places = rows('voucher'), order('voucher')
    for number, where in ipairs(places) do
      contains(listed[number], where)
    end
    -- What follows are remarks.
    same(
      vim.iter(listed):skip(#places):any(function(text)
        return text:find('%.py:%d') ~= nil
      end),
      false
    )
  end)

  it(name .. ' opens an answer where it is now', function()
    nvim:keys(plugin.close or '<C-c>')
    landed('mail.py')
    ask('parse_barcode')
    rows('windows/legacy.c:36')
    -- Edited behind its back: the answer is two lines further down.
    local path = root .. '/windows/legacy.c'
    local before = vim.fn.readfile(path, 'b')
    vim.fn.writefile(vim.list_extend({ '/* one */\r', '/* two */\r' }, before), path, 'b')
    nvim:keys('<CR>')
    local place = landed('legacy.c')
    vim.fn.writefile(before, path, 'b')
    same(place, { 'windows/legacy.c', 38, 'static int parse_barcode(const char *digits)' })
    nvim:cmd('edit!')
    nvim:settle()
  end)

  it(name .. ' opens an answer beside', function()
    ask('bestimme_größe')
    rows('c# code/größe #1.py:34')
    nvim:keys(plugin.vertical)
    same(
      landed('größe'),
      { 'c# code/größe #1.py', 34, 'def bestimme_größe(maß):  # 😀 Schuhgröße' }
    )
    same(nvim:lua('return { vim.fn.winlayout()[1], vim.fn.winnr("$") }'), { 'row', 2 })
  end)

  it(name .. ' says what is missing', function()
    ask('path:no_such_directory voucher')
    shown('nothing found for')
    nvim:keys('<CR>')
    same(landed('mail.py')[1], 'shop/mail.py')
  end)

  it(name .. ' asks again when the index is complete, and what was chosen stays chosen', function()
    local before = order('voucher')
    nvim:cmd('Conexus pause')
    nvim:wait('return require("conexus").statusline() == "conexus paused"')
    Child.project('pickers', { ['shop/voucher.py'] = 'def voucher():\n    return "voucher"\n' })
    nvim:wait([[
      local client = vim.lsp.get_clients({ name = 'conexus' })[1]
      local reply = client:request_sync('conexus/search', { query = 'voucher' }, 20000)
      return not reply.result.completeness.complete
    ]])
    ask('voucher', nil, true)
    shown('indexing is paused')
    if plugin.marks then
      -- Its preview is another view.
      nvim:keys('<C-n>' .. plugin.mark)
      nvim:wait(('return #(function() %s end)() == 1'):format(plugin.marks))
    else
      previews('def apply_voucher(total, voucher):')
      nvim:keys(plugin.next or '<C-n>')
      previews('from shop.basket import apply_voucher')
    end
    nvim:lua([[
      local client = vim.lsp.get_clients({ name = 'conexus' })[1]
      client:request('conexus/resume', vim.empty_dict(), function() end)
    ]])
    shown('shop/voucher.py:1')
    local after = order('voucher')
    os.remove(root .. '/shop/voucher.py')
    same({ after[1], after[2] ~= before[2] }, { 'shop/voucher.py:1', true })
    if plugin.marks then
      local marked = nvim:lua(plugin.marks)
      same(#marked, 1)
      contains(marked[1].text, before[2])
    end
    nvim:keys('<CR>')
    local chosen = plugin.keeps_row and after[2] or before[2]
    local place = landed((chosen:gsub(':%d+$', '')))
    same(('%s:%d'):format(place[1], place[2]), chosen)
    -- A picker that is closed does not listen; fzf-lua only hides fzf until another one is opened.
    nvim:wait([[
      local terminals = vim.tbl_filter(function(buffer)
        return vim.bo[buffer].buftype == 'terminal'
      end, vim.api.nvim_list_bufs())
      return #vim.api.nvim_get_autocmds({ event = 'User', pattern = 'ConexusStatus' }) <= #terminals
    ]])
    nvim:wait([[
      local client = vim.lsp.get_clients({ name = 'conexus' })[1]
      local hits = client:request_sync('conexus/search', { query = 'voucher' }, 20000).result.hits
      return hits[1] and hits[1].path ~= 'shop/voucher.py'
    ]])
  end)

  if name == 'telescope' then
    it('telescope has it as an extension', function()
      nvim:cmd('runtime plugin/telescope.lua')
      nvim:lua('require("telescope").load_extension("conexus")')
      ask('parse_barcode', ':Telescope conexus<CR>')
      rows('windows/legacy.c:36')
      nvim:keys('<CR>')
      same(landed('legacy.c')[2], 36)
    end)
  end

  if plugin.marked then
    it(name .. ' fills the quickfix list', function()
      ask('parse_barcode')
      rows('windows/legacy.c:36')
      nvim:keys(plugin.marked)
      nvim:wait('return vim.bo.buftype == "quickfix"')
      local list = nvim:lua('return vim.fn.getqflist({ title = 1, items = 1 })')
      same({ list.title, list.items[1].lnum }, { 'Conexus: parse_barcode', 36 })
      nvim:cmd('cclose')
    end)
  end
end
