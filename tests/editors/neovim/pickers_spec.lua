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
      return vim.iter(picker.manager:iter()):map(function(entry) return entry.value end):totable()
    ]],
    vertical = '<C-v>',
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
    marked = '<C-a><M-CR>',
  },
  fzf = {
    repositories = { 'fzf-lua' },
    setup = [[require('fzf-lua').setup({
      winopts = { fullscreen = true, preview = { layout = 'vertical' } },
    })]],
    vertical = '<C-v>',
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

  --- Open the picker, wait until it takes keys, and type.
  local function ask(query, command)
    nvim:cmd('silent! tabonly | only')
    nvim:edit('shop/mail.py')
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
    nvim:edit('shop/mail.py')
    nvim:settle()
    ask('voucher')
    local shown = rows('voucher')
    local order = nvim:lua([[
      local client = vim.lsp.get_clients({ name = 'conexus' })[1]
      local hits = client:request_sync('conexus/search', { query = 'voucher', limit = 50 }).result.hits
      local rows = require('conexus.rows')
      return vim.tbl_map(function(hit) return rows.where(hit) end, hits)
    ]])
    for number, where in ipairs(order) do
      contains(shown[number], where)
    end
    -- What follows are remarks.
    same(
      vim.iter(shown):skip(#order):any(function(text)
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
    nvim:wait([[
      local text = {}
      for _, window in ipairs(vim.api.nvim_list_wins()) do
        vim.list_extend(text, vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false))
      end
      return table.concat(text, '\n'):find('nothing found for', 1, true) ~= nil
    ]])
    nvim:keys('<CR>')
    same(landed('mail.py')[1], 'shop/mail.py')
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
