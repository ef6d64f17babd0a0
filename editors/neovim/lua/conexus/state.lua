--- What the server last told about each folder, for statuslines and autocommands.
local M = {}

---@type table<string, {folder: conexus.Folder, client: integer}>
local folders = {}

--- Take note of a `conexus/statusChanged` and tell it on as the autocommand `User ConexusStatus`.
---@param folder conexus.Folder the notification's parameters
---@param client integer
function M.update(folder, client)
  folders[folder.folder] = { folder = folder, client = client }
  M.tell(folder)
end

--- Forget the folders of a client that ended.
---@param client integer
function M.forget(client)
  for name, known in pairs(folders) do
    if known.client == client then
      folders[name] = nil
    end
  end
  M.tell()
end

---@param folder? conexus.Folder
function M.tell(folder)
  vim.api.nvim_exec_autocmds('User', { pattern = 'ConexusStatus', modeline = false, data = folder })
  vim.cmd.redrawstatus({ bang = true })
end

--- Return in one phrase how far a folder's index is.
---@param folder {phase: string, percent: integer}
---@return string
function M.phrase(folder)
  local busy = folder.phase == 'indexing' or folder.phase == 'scanning'
  return busy and folder.percent .. '%' or folder.phase
end

--- Return the state for a statusline, of the folder that needs most attention.
---@return string
function M.line()
  local order = { ready = 1, scanning = 2, indexing = 3, paused = 4, failed = 5 }
  local worst ---@type conexus.Folder?
  for _, known in pairs(folders) do
    if not worst or (order[known.folder.phase] or 0) > (order[worst.phase] or 0) then
      worst = known.folder
    end
  end
  if not worst then
    return ''
  end
  -- A statusline may be an expression whose result is expanded again, in which % is special: the caller's
  -- choice of %{} shows the text as it is.
  return worst.phase == 'ready' and 'conexus' or 'conexus ' .. M.phrase(worst)
end

return M
