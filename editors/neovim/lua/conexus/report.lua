--- The state of the index as a page, and the server's log.
local client = require('conexus.client')
local state = require('conexus.state')

local M = {}

---@param number integer bytes
---@return string
local function size(number)
  return ('%.1f MB'):format(number / 1e6)
end

--- Return `name number` pairs, largest first, or that there is nothing.
---@param counts table<string, integer>
---@return string
local function counted(counts)
  local names = vim.tbl_keys(counts)
  if #names == 0 then
    return 'nothing'
  end
  table.sort(names, function(a, b)
    return counts[a] ~= counts[b] and counts[a] > counts[b] or counts[a] == counts[b] and a < b
  end)
  return table.concat(
    vim.tbl_map(function(name)
      return ('%s %d'):format(name, counts[name])
    end, names),
    ', '
  )
end

---@param folder conexus.Folder
---@return string[]
local function folder_lines(folder)
  local lines = {
    '',
    vim.uri_to_fname(folder.folder),
    ('  state      %s, %d files to go'):format(state.phrase(folder), folder.pending),
    ('  indexed    %d files, %d chunks, %d symbols, %s'):format(
      folder.files,
      folder.chunks,
      folder.symbols,
      size(folder.bytes.total or 0)
    ),
    '  languages  ' .. counted(folder.languages),
    '  skipped    ' .. counted(folder.skipped),
    '  watching   ' .. folder.watching,
    '  model      ' .. folder.model,
    '  index      ' .. folder.directory,
  }
  for _, problem in ipairs(folder.problems) do
    lines[#lines + 1] = '  problem    ' .. problem:gsub('%c', ' ')
  end
  return lines
end

--- Return the lines of the status page.
---@param result conexus.Status
---@return string[]
function M.lines(result)
  local lines = {
    ('Conexus %s, engine %d with %s of memory, %d editors'):format(
      result.version,
      result.pid,
      size(result.memory),
      result.fronts
    ),
  }
  for _, folder in ipairs(result.folders) do
    vim.list_extend(lines, folder_lines(folder))
  end
  return lines
end

--- Show lines in a window that `q` and `<Esc>` close.
---@param name string
---@param lines string[]
local function page(name, lines)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].bufhidden, vim.bo[buffer].modifiable = 'wipe', false
  local width = math.min(math.max(60, unpack(vim.tbl_map(vim.api.nvim_strwidth, lines))), vim.o.columns - 4)
  local height = math.min(#lines, vim.o.lines - 4)
  vim.api.nvim_open_win(buffer, true, {
    relative = 'editor',
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2),
    width = width,
    height = height,
    style = 'minimal',
    border = 'rounded',
    title = ' ' .. name .. ' ',
  })
  for _, key in ipairs({ 'q', '<Esc>' }) do
    vim.keymap.set('n', key, '<Cmd>close<CR>', { buffer = buffer, nowait = true })
  end
end

--- Show the state of engine and folders.
function M.status()
  client.ask('conexus/status', vim.empty_dict(), function(problem, result)
    if problem then
      return client.say(problem, vim.log.levels.ERROR)
    end
    page('Conexus', M.lines(result))
  end)
end

--- Ask the server's own check of its surroundings.
---@param on_reply fun(checks?: {name: string, state: string, detail: string, advice: string}[])
function M.doctor(on_reply)
  local cli = client.cli()
  if not cli then
    return on_reply(nil)
  end
  vim.system(vim.list_extend(cli, { 'doctor', '--json' }), { text = true }, function(done)
    local ok, result = pcall(vim.json.decode, done.stdout or '')
    vim.schedule(function()
      on_reply(ok and result.checks or nil)
    end)
  end)
end

--- Open the server's log, or Neovim's own of all servers where it cannot be had.
function M.log()
  M.doctor(function(checks)
    local check = vim.iter(checks or {}):find(function(one)
      return one.name == 'log'
    end)
    local path = check and vim.uv.fs_stat(check.detail) and check.detail or vim.lsp.log.get_filename()
    vim.cmd.split(vim.fn.fnameescape(path))
    vim.bo.readonly, vim.bo.autoread = true, true
    vim.cmd('normal! G')
  end)
end

return M
