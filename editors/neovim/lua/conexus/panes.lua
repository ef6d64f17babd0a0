--- The three windows of live search: prompt, list and preview.
local highlights = require('conexus.highlights')

local M = {}

local WIDE = 180 -- columns; with fewer, rows beside a preview would be cut

---@class conexus.Pane
---@field buffer integer
---@field window integer

---@class conexus.Panes
---@field prompt conexus.Pane
---@field list conexus.Pane
---@field preview conexus.Pane

--- Return where the windows go, by name: beside each other, or below each other on a narrow screen.
---@return table<string, vim.api.keyset.win_config>
local function layout()
  local columns, rows = vim.o.columns, vim.o.lines - vim.o.cmdheight
  local width, height = math.max(math.floor(columns * 0.9), 20), math.max(math.floor(rows * 0.8), 8)
  local left, top = math.floor((columns - width) / 2), math.max(math.floor((rows - height) / 2) - 1, 0)
  local wide = columns >= WIDE
  -- Each window has a border of one cell on each side, the prompt is one line high.
  local list_width = wide and math.floor(width * 0.5) - 2 or width - 2
  local list_height = wide and height - 5 or math.max(math.floor((height - 5) * 0.45), 1)
  local function at(row, column, w, h)
    return { relative = 'editor', row = row, col = column, width = math.max(w, 1), height = math.max(h, 1) }
  end
  return {
    prompt = at(top, left, list_width, 1),
    list = at(top + 3, left, list_width, list_height),
    preview = wide and at(top, left + list_width + 2, width - list_width - 4, height - 2)
      or at(top + list_height + 5, left, list_width, height - list_height - 7),
  }
end

---@param name string
---@param place vim.api.keyset.win_config
---@param buftype string
---@return conexus.Pane
local function open(name, place, buftype)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.bo[buffer].buftype, vim.bo[buffer].bufhidden = buftype, 'wipe'
  local look = { style = 'minimal', border = 'rounded', title = ' ' .. name .. ' ', focusable = true }
  local window = vim.api.nvim_open_win(buffer, false, vim.tbl_extend('force', place, look))
  vim.wo[window].wrap = false
  return { buffer = buffer, window = window }
end

--- Open the windows; the cursor goes into the prompt.
---@return conexus.Panes
function M.open()
  highlights.define()
  local places = layout()
  local panes = {
    preview = open('preview', places.preview, 'nofile'),
    list = open('results', places.list, 'nofile'),
    prompt = open('Conexus', places.prompt, 'prompt'),
  }
  vim.fn.prompt_setprompt(panes.prompt.buffer, '')
  -- Completion plugins leave prompts alone, and so should Neovim's own.
  vim.bo[panes.prompt.buffer].complete = ''
  vim.wo[panes.list.window].cursorline = true
  vim.api.nvim_set_current_win(panes.prompt.window)
  return panes
end

--- Fit the windows to a screen that changed its size.
---@param panes conexus.Panes
function M.fit(panes)
  for name, place in pairs(layout()) do
    if vim.api.nvim_win_is_valid(panes[name].window) then
      vim.api.nvim_win_set_config(panes[name].window, place)
    end
  end
end

--- Close the windows.
---@param panes conexus.Panes
function M.close(panes)
  for _, pane in pairs(panes) do
    if vim.api.nvim_win_is_valid(pane.window) then
      vim.api.nvim_win_close(pane.window, true)
    end
  end
end

--- Replace the lines of a pane.
---@param pane conexus.Pane
---@param lines string[]
function M.write(pane, lines)
  vim.bo[pane.buffer].modifiable = true
  vim.api.nvim_buf_set_lines(pane.buffer, 0, -1, false, lines)
  vim.bo[pane.buffer].modifiable = false
end

return M
