--- The language server of the project one is in: found, started, asked.
local M = {}

local NAME = 'conexus'
local READY_MS, POLL_MS = 20000, 20
local INSTALL =
  'install it with `uv tool install conexus-lsp` or `pipx install conexus-lsp`, then :Conexus restart'

---@type table<integer, true> clients that were asked to end
local ending = {}

---@param message string
---@param level? integer
function M.say(message, level)
  vim.notify('Conexus: ' .. message, level or vim.log.levels.INFO)
end

---@return vim.lsp.Config?
local function config()
  -- Reading it raises where the runtime path lacks lsp/conexus.lua.
  local ok, found = pcall(function()
    return vim.lsp.config[NAME]
  end)
  return ok and found or nil
end

--- Return the project of a buffer, else the current directory; nil where that would be a whole home or disk.
---@param buffer integer
---@return string?
local function root(buffer)
  local settings = config()
  local markers = settings and settings.root_markers or { '.git' }
  local cwd = vim.fs.normalize(vim.fn.getcwd())
  local found = vim.fs.root(buffer, markers) or vim.fs.root(cwd, markers) or cwd
  local home = vim.fs.normalize(vim.uv.os_homedir() or '/')
  return found ~= home and vim.fs.dirname(found) ~= found and found or nil
end

--- Return the client of a buffer or of its project, which may not be ready yet.
---@param buffer integer
---@return vim.lsp.Client?
local function find(buffer)
  local here = root(buffer)
  local function serves(client)
    local near = client.attached_buffers[buffer] or client.root_dir == here
    return near and not client:is_stopped() and not ending[client.id]
  end
  return vim.iter(vim.lsp.get_clients({ name = NAME, _uninitialized = true })):find(serves)
end

--- Return why no server can be started, nil if one can.
---@return string?
function M.obstacle()
  local settings = config()
  if not settings then
    return 'editors/neovim of Conexus is not on the runtime path'
  end
  local cmd = settings.cmd
  if type(cmd) == 'table' and vim.fn.executable(cmd[1]) == 0 then
    return ('the server `%s` was not found: %s'):format(cmd[1], INSTALL)
  end
end

--- Return the command line of the server's command-line interface: the server's without its last word.
---@return string[]?
function M.cli()
  local settings = config()
  local cmd = settings and settings.cmd
  if type(cmd) == 'table' and cmd[#cmd] == 'lsp' and vim.fn.executable(cmd[1]) == 1 then
    return vim.list_slice(cmd, 1, #cmd - 1)
  end
end

---@param buffer integer
---@return vim.lsp.Client?
---@return string? problem
local function start(buffer)
  local obstacle, here = M.obstacle(), root(buffer)
  if obstacle then
    return nil, obstacle
  end
  if not here then
    return nil, 'there is no project here: open a file of one, or :cd into one'
  end
  local settings = vim.tbl_extend('force', vim.deepcopy(assert(config())), { root_dir = here })
  local id = vim.lsp.start(settings, { attach = false, silent = true })
  return id and vim.lsp.get_client_by_id(id), 'the server did not start: :Conexus log may say why'
end

--- Show the server every file of its project that is open: also those without a file type, which Neovim does
--- not attach by itself.
---@param client vim.lsp.Client
local function attach(client)
  local settings = config() or {}
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local wanted = not settings.filetypes or vim.list_contains(settings.filetypes, vim.bo[buffer].filetype)
    local name = vim.api.nvim_buf_get_name(buffer)
    if wanted and vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].buftype == '' and name ~= '' then
      if vim.fs.relpath(client.root_dir or '', name) then
        vim.lsp.buf_attach_client(buffer, client.id)
      end
    end
  end
end

--- Return the document of a buffer, nil if it is no file: then the server does not know it.
---@param buffer integer
---@return {uri: string}?
function M.document(buffer)
  local file = vim.bo[buffer].buftype == '' and vim.api.nvim_buf_get_name(buffer) ~= ''
  return file and { uri = vim.uri_from_bufnr(buffer) } or nil
end

--- Return what is at hand for a question that is asked from a buffer: files near to it rank a little higher.
---@param buffer integer
---@return {active: string}?
function M.context(buffer)
  local known = vim.api.nvim_buf_is_valid(buffer) and M.document(buffer)
  return known and { active = known.uri } or nil
end

---@param client vim.lsp.Client
---@param callback fun(client?: vim.lsp.Client) called without one when it ended or took too long
---@param patience? integer milliseconds left
local function when_ready(client, callback, patience)
  patience = patience or READY_MS
  if client.initialized then
    attach(client)
    return callback(client)
  end
  if client:is_stopped() or patience <= 0 then
    return callback(nil)
  end
  vim.defer_fn(function()
    when_ready(client, callback, patience - POLL_MS)
  end, POLL_MS)
end

--- Ask the server, starting it where there is none. Returns a function that takes the question back.
---@param method string
---@param params table
---@param on_reply fun(problem: string?, result: any, client: vim.lsp.Client?)
---@param buffer? integer whose project is asked; the current one if left out
---@return fun() cancel
function M.ask(method, params, on_reply, buffer)
  buffer = buffer or vim.api.nvim_get_current_buf()
  local client, problem = find(buffer), nil
  if not client then
    client, problem = start(buffer)
  end
  local answered, request = false, nil
  local function reply(trouble, result)
    if not answered then
      answered = true
      on_reply(trouble, result, client)
    end
  end
  local function send(ready)
    -- Without a buffer in the call, the edits of all buffers go ahead of the question.
    local sent, id = false, nil
    if ready and not answered then
      sent, id = ready:request(method, params, function(err, result)
        reply(err and err.message, result)
      end)
    end
    request = id
    if not sent then
      reply('the server ended: :Conexus log says why, the next search starts it again')
    end
  end
  if client then
    when_ready(client, send)
  else
    vim.schedule(function()
      reply(problem)
    end)
  end
  return function()
    if not answered and request and client and not client:is_stopped() then
      client:cancel_request(request)
    end
    answered = true
  end
end

--- Stop the servers of all projects and start that of the current one.
function M.restart()
  local clients = vim.lsp.get_clients({ name = NAME, _uninitialized = true })
  for _, client in ipairs(clients) do
    ending[client.id] = true
    client:stop()
  end
  local function again(patience)
    local alive = vim.iter(clients):filter(function(client)
      return vim.lsp.get_client_by_id(client.id) ~= nil
    end)
    if patience > 0 and alive:peek() then
      return vim.defer_fn(function()
        again(patience - POLL_MS)
      end, POLL_MS)
    end
    alive:each(function(client)
      client:stop(true)
    end)
    M.ask('conexus/status', {}, function(problem, result)
      if problem then
        return M.say(problem, vim.log.levels.ERROR)
      end
      M.say(('the server runs again (%s)'):format(result.version))
    end)
  end
  again(3000)
end

--- Tell the user of a server that ended by itself.
---@param code integer
---@param signal integer
---@param id integer of the client
function M.ended(code, signal, id)
  require('conexus.state').forget(id)
  local expected = ending[id] or vim.v.exiting ~= vim.NIL
  ending[id] = nil
  if not expected and (code ~= 0 or signal ~= 0) then
    local reason = signal ~= 0 and 'signal ' .. signal or 'exit code ' .. code
    M.say(('the server ended with %s. The next search starts it again'):format(reason), vim.log.levels.WARN)
  end
end

return M
