--- `:checkhealth conexus`
local M = {}

local PATIENCE_MS = 30000

---@param ask fun(on_reply: fun(...))
---@return ... what was replied; nothing if it took too long
local function wait(ask)
  local reply ---@type table?
  ask(function(...)
    reply = { n = select('#', ...), ... }
  end)
  vim.wait(PATIENCE_MS, function()
    return reply ~= nil
  end, 20)
  if reply then
    return unpack(reply, 1, reply.n)
  end
end

local function neovim()
  vim.health.start('Neovim')
  vim.health.ok('version ' .. tostring(vim.version()))
  if vim.lsp.is_enabled('conexus') then
    vim.health.ok("vim.lsp.enable('conexus') is in force")
  else
    vim.health.warn('not enabled: unsaved text is only known once :Conexus is used', {
      "put vim.lsp.enable('conexus') into your init.lua",
    })
  end
end

---@return boolean
local function installation()
  vim.health.start('Server')
  local obstacle = require('conexus.client').obstacle()
  if obstacle then
    vim.health.error(obstacle)
    return false
  end
  local checks = wait(require('conexus.report').doctor)
  if not checks then
    vim.health.warn('`conexus doctor` could not be asked; the server is started by a command of your own')
    return true
  end
  local say = { ok = vim.health.ok, warn = vim.health.warn, fail = vim.health.error }
  for _, check in ipairs(checks) do
    say[check.state](check.name .. ': ' .. check.detail, check.advice ~= '' and { check.advice } or nil)
  end
  return true
end

---@param folder conexus.Folder
local function folder_health(folder)
  local name = vim.uri_to_fname(folder.folder)
  local said = ('%s: %d files, %s, model %s'):format(
    name,
    folder.files,
    require('conexus.state').phrase(folder),
    folder.model
  )
  local say = folder.phase == 'failed' and vim.health.error or vim.health.ok
  say(said)
  local watched = folder.watching == 'watching' or folder.watching == 'client'
  local advice = not watched and { 'changes by other programs are seen at the next rescan' } or nil
  local tell = watched and vim.health.ok or vim.health.warn
  tell('files are followed by: ' .. folder.watching, advice)
  for _, problem in ipairs(folder.problems) do
    vim.health.warn(problem)
  end
end

local function engine()
  vim.health.start('Engine')
  local problem, result = wait(function(on_reply)
    require('conexus.client').ask('conexus/status', vim.empty_dict(), on_reply)
  end)
  if not result then
    return vim.health.error(problem or 'no answer', { 'see :Conexus log; :Conexus restart starts it again' })
  end
  vim.health.ok(('version %s, process %d'):format(result.version, result.pid))
  for _, folder in ipairs(result.folders) do
    folder_health(folder)
  end
end

--- Say what is there, what is missing and what to do.
function M.check()
  neovim()
  if installation() then
    engine()
  end
end

return M
