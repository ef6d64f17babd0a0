-- Records a session of real Neovim (0.11) with the shipped server:
--   LSP_SERVER="python lsp_tee.py OUT.jsonl conexus lsp" ROOT=DIR nvim --clean --headless -l record.lua
-- where lsp_tee.py copies both directions and writes one JSON object {"t", "from", "msg"} a line. Then replace DIR
-- in OUT.jsonl by ${ROOT}, and the process id by null.
local root = assert(vim.env.ROOT)
vim.lsp.config('conexus', {
  cmd = vim.split(assert(vim.env.LSP_SERVER), ' '),
  filetypes = { 'python' },
  root_markers = { 'pyproject.toml' },
  settings = { conexus = { search = { limit = 5 } } },
})
vim.lsp.enable('conexus')
vim.cmd('filetype on')
vim.cmd.edit(root .. '/src/kettle.py')
local buffer = vim.api.nvim_get_current_buf()
local client
assert(vim.wait(10000, function()
  client = vim.lsp.get_clients({ name = 'conexus', bufnr = buffer })[1]
  return client and client.initialized
end, 20))
local function ask(method, params)
  local answer = client:request_sync(method, params, 20000, buffer)
  return answer and answer.result
end
ask('conexus/waitForRevision', { complete = true })
local function feed(keys)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), 'xt', false)
  vim.wait(250) -- Neovim sends what changed after 150 ms
end
feed('Go<CR>def whistle_when_ready(kettle):<CR>"""Tönt 😀."""<CR>return kettle.whistle()<Esc>')
feed('ggO# first line<Esc>')
feed('/boil<CR>ciwsimmer<Esc>')
feed('uu<C-r>')
feed(':%s/kettle/pot/g<CR>')
feed('ggdd')
ask('conexus/waitForRevision', {})
ask('conexus/search', { query = 'whistle_when_ready' })
ask('workspace/symbol', { query = 'whistle' })
vim.cmd.write()
ask('conexus/waitForRevision', {})
vim.cmd.edit(root .. '/src/tea.py')
feed('Go# never saved: zanzibar<Esc>')
ask('conexus/waitForRevision', {})
ask('conexus/search', { query = 'zanzibar' })
vim.cmd('bdelete!')
ask('conexus/waitForRevision', {})
ask('conexus/search', { query = 'zanzibar' })
client:stop()
vim.wait(5000, function() return client:is_stopped() and #vim.lsp.get_clients() == 0 end, 20)
os.exit(0)
