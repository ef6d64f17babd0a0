--- The place of a hit with its surroundings, the match highlighted.
local panes = require('conexus.panes')
local place = require('conexus.place')

local M = {}

local LARGE = 50000 -- lines; colouring more would be felt
local namespace = vim.api.nvim_create_namespace('conexus.preview')

--- Colour a buffer by the type of a file without being taken for one by other plugins.
---@param buffer integer
---@param name string
---@param count integer lines
local function colour(buffer, name, count)
  pcall(vim.treesitter.stop, buffer)
  vim.bo[buffer].syntax = ''
  local filetype = vim.filetype.match({ filename = name, buf = buffer })
  if not filetype or count > LARGE then
    return
  end
  local language = vim.treesitter.language.get_lang(filetype)
  if not (language and pcall(vim.treesitter.start, buffer, language)) then
    vim.bo[buffer].syntax = filetype
  end
end

--- Show a hit in a preview, ours or that of another picker; without one the preview is empty.
---@param pane conexus.Pane
---@param hit? conexus.Hit
---@param encoding? string of positions; needed with a hit
function M.show(pane, hit, encoding)
  vim.api.nvim_buf_clear_namespace(pane.buffer, namespace, 0, -1)
  local lines = hit and place.lines(hit.uri) or { hit and 'The file is gone.' or nil }
  -- The list may have many hits of one file: its text is written once.
  if not hit or vim.b[pane.buffer].conexus_uri ~= hit.uri then
    local clean = vim.tbl_map(function(line)
      return (line:gsub('\n', '\0'))
    end, lines)
    panes.write(pane, clean)
    vim.b[pane.buffer].conexus_uri = hit and hit.uri or ''
    colour(pane.buffer, hit and vim.uri_to_fname(hit.uri) or '', #lines)
  end
  if not hit then
    return
  end
  local found = place.of(hit, lines, encoding or 'utf-8')
  for line = found.first, found.last do
    local group = line == found.line and 'ConexusFocus' or 'ConexusMatch'
    vim.api.nvim_buf_set_extmark(pane.buffer, namespace, line - 1, 0, { line_hl_group = group })
  end
  vim.api.nvim_win_set_cursor(pane.window, { found.line, 0 })
  vim.api.nvim_win_call(pane.window, function()
    vim.cmd('normal! zz')
  end)
end

return M
