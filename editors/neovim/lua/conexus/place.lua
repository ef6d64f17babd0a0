--- Where a hit lies now: in bytes and lines of the buffer, which may have been edited since the reply.
local drift = require('conexus.drift')

local M = {}

---@class conexus.Place
---@field line integer 1-based, the one to go to
---@field column integer in bytes, 0-based
---@field first integer 1-based, where all of it begins
---@field last integer 1-based, inclusive

--- Return the lines of a file as Neovim would show them: of its buffer if it is loaded, else from disk.
---@param uri string
---@return string[]? lines nil if there is no such file
function M.lines(uri)
  local buffer = M.loaded(uri)
  if buffer then
    return vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
  end
  local file = io.open(vim.uri_to_fname(uri), 'rb')
  local bytes = file and file:read('*a')
  if not file or not bytes then
    return nil
  end
  file:close()
  local text = bytes:gsub('^\239\187\191', ''):gsub('\r\n', '\n'):gsub('\n$', '')
  return vim.split(text, '\n', { plain = true })
end

--- Return the buffer that has a file loaded.
---@param uri string
---@return integer?
function M.loaded(uri)
  local buffer = vim.iter(vim.api.nvim_list_bufs()):find(function(candidate)
    return vim.api.nvim_buf_is_loaded(candidate) and vim.uri_from_bufnr(candidate) == uri
  end)
  return buffer
end

---@param hit conexus.Hit|conexus.Symbol
---@param lines string[]
---@return integer
local function moved(hit, lines)
  local first, focus = hit.range.start.line + 1, hit.focus.start.line + 1
  if not hit.excerpt then
    return drift.of_name(lines, hit.name, focus)
  end
  local texts = vim.split(hit.excerpt:gsub('\r\n', '\n'), '\n', { plain = true })
  return drift.of_text(lines, texts, first, math.min(focus - first + 1, #texts))
end

---@param line string
---@param position lsp.Position
---@param encoding string
---@return integer column in bytes, 0-based
local function column(line, position, encoding)
  if encoding == 'utf-8' then
    return math.min(position.character, #line)
  end
  return vim.str_byteindex(line, encoding, position.character, false)
end

--- Return where a hit lies in these lines.
---@param hit conexus.Hit|conexus.Symbol
---@param lines string[]
---@param encoding string of positions
---@return conexus.Place
function M.of(hit, lines, encoding)
  local shift = moved(hit, lines)
  local function now(position)
    return math.min(math.max(position.line + 1 + shift, 1), math.max(#lines, 1))
  end
  local line, last = now(hit.focus.start), now(hit.range['end'])
  -- A range that ends where a line begins does not touch that line.
  last = hit.range['end'].character == 0 and last - 1 or last
  return {
    line = line,
    column = column(lines[line] or '', hit.focus.start, encoding),
    first = math.min(now(hit.range.start), line),
    last = math.max(last, line),
  }
end

--- Show a hit in the current window or a new one, or say that its file is gone.
---@param hit conexus.Hit|conexus.Symbol
---@param encoding string
---@param command? string that makes the new window, such as `vsplit`
---@return boolean
function M.open(hit, encoding, command)
  local name = vim.uri_to_fname(hit.uri)
  if not M.loaded(hit.uri) and not vim.uv.fs_stat(name) then
    require('conexus.client').say(name .. ' is gone', vim.log.levels.WARN)
    return false
  end
  -- Where a window may not show another buffer, a new one does.
  command = command or (vim.wo.winfixbuf and 'split' or nil)
  if command then
    vim.cmd(command)
    vim.wo.winfixbuf = false
  end
  vim.cmd("normal! m'")
  local buffer = vim.uri_to_bufnr(hit.uri)
  vim.bo[buffer].buflisted = true
  vim.api.nvim_win_set_buf(0, buffer)
  local place = M.of(hit, vim.api.nvim_buf_get_lines(buffer, 0, -1, false), encoding)
  vim.api.nvim_win_set_cursor(0, { place.line, place.column })
  vim.cmd('normal! zvzz')
  return true
end

return M
