-- A Neovim of its own that a spec types into. Environment: SPEC_PLUGIN, SPEC_DIRECTORY.
local Child = {}
Child.__index = Child

local PATIENCE_MS = 30000
local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))

--- Write files below a new project and return its path.
function Child.project(name, files)
  local root = vim.fs.joinpath(assert(vim.env.SPEC_DIRECTORY), name)
  vim.fn.mkdir(root .. '/.git', 'p')
  for path, text in pairs(files) do
    vim.fn.mkdir(vim.fs.dirname(root .. '/' .. path), 'p')
    local file = assert(io.open(root .. '/' .. path, 'wb'))
    file:write(text)
    file:close()
  end
  return root
end

--- Start Neovim in a directory; it ends with the spec.
function Child.start(directory, env)
  local command = { vim.v.progpath, '--clean', '-u', here .. '/init.lua', '--headless', '--embed' }
  return Child.of(vim.fn.jobstart(command, { rpc = true, cwd = directory, env = env }), directory)
end

--- Return the Neovim of a job that was started otherwise.
function Child.of(job, directory)
  local self = setmetatable({ job = job, root = directory }, Child)
  _G.after_all(function()
    self:stop()
  end)
  return self
end

--- Leave without saving, as `:qa!` does, and wait until the process is gone.
function Child:stop()
  if vim.fn.jobwait({ self.job }, 0)[1] == -1 then
    pcall(vim.rpcnotify, self.job, 'nvim_command', 'qall!')
    if vim.fn.jobwait({ self.job }, 10000)[1] == -1 then
      vim.fn.jobstop(self.job)
      error('Neovim did not end by itself')
    end
  end
end

--- Run Lua there and return what it returns.
function Child:lua(code, ...)
  return vim.rpcrequest(self.job, 'nvim_exec_lua', code, { ... })
end

--- Run an Ex command there.
function Child:cmd(command)
  vim.rpcrequest(self.job, 'nvim_command', command)
end

--- Type.
function Child:keys(keys)
  vim.rpcrequest(self.job, 'nvim_input', keys)
end

--- Open a file of the project.
function Child:edit(path)
  self:lua('vim.cmd.buffer(vim.fn.bufadd(...))', self.root .. '/' .. path)
end

--- Wait until Lua there returns something, and return it.
function Child:wait(code, ...)
  local found
  local arguments = { ... }
  local ok = vim.wait(PATIENCE_MS, function()
    found = self:lua(code, unpack(arguments))
    return found and found ~= vim.NIL
  end, 30)
  if not ok then
    local state = self:lua([[
      local bufs = vim.tbl_map(function(win)
        return vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(win), 0, 5, false)
      end, vim.api.nvim_list_wins())
      return { messages = _G.messages, windows = bufs, mode = vim.api.nvim_get_mode() }
    ]])
    error(('waited in vain for: %s\n%s'):format(code, vim.inspect(state)), 2)
  end
  return found
end

--- Wait until everything typed and on disk is searchable.
function Child:settle()
  local reply = self:wait([[
    local client = vim.lsp.get_clients({ name = 'conexus' })[1]
    return client and client:request_sync('conexus/waitForRevision', { complete = true }, 30000)
  ]])
  same(reply.err, nil)
  same(reply.result.timedOut, false)
end

--- Run `:Conexus …`, wait for its quickfix list and return it: title, and per entry path, line and text.
function Child:list(command)
  self:lua('vim.fn.setqflist({}, "f"); vim.cmd.cclose()')
  self:cmd(command)
  return self:wait(
    [[
    local list = vim.fn.getqflist({ title = 1, items = 1 })
    if #list.items == 0 then
      return nil
    end
    for _, item in ipairs(list.items) do
      item.path = vim.fs.relpath(..., vim.api.nvim_buf_get_name(item.bufnr))
    end
    return list
  ]],
    self.root
  )
end

--- Return the text that an entry of a list stands for, in the file as it is shown now.
function Child:entry_text(entry)
  return self:lua(
    [[
    local entry = ...
    vim.fn.bufload(entry.bufnr)
    local lines = vim.api.nvim_buf_get_lines(entry.bufnr, entry.lnum - 1, entry.end_lnum, false)
    return table.concat(lines, '\n')
  ]],
    entry
  )
end

--- Return the last message that contains `part`, waiting for it.
function Child:message(part)
  return self:wait(
    [[
    local part = ...
    return vim.iter(_G.messages):rev():find(function(message) return message:find(part, 1, true) end)
  ]],
    part
  )
end

--- Return the current file of the project, the cursor's line and the text there.
function Child:position()
  return self:lua(
    [[
    local name = vim.api.nvim_buf_get_name(0)
    return { vim.fs.relpath(..., name) or name, vim.fn.line('.'), vim.api.nvim_get_current_line() }
  ]],
    self.root
  )
end

--- Return the lines of live search's list.
function Child:rows()
  return self:lua([[
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      local title = vim.api.nvim_win_get_config(window).title
      if title and title[1][1] == ' results ' then
        return vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
      end
    end
  ]])
end

--- Wait for a row of live search that contains `part`, and return its number.
function Child:row(part)
  local number
  local ok = vim.wait(PATIENCE_MS, function()
    for index, row in ipairs(self:rows() or {}) do
      if row ~= vim.NIL and row:find(part, 1, true) then
        number = index
        return true
      end
    end
  end, 30)
  if not ok then
    error(('no row with %s in %s'):format(part, vim.inspect(self:rows())), 2)
  end
  return number
end

return Child
