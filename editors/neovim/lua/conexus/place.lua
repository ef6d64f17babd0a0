--- Where a hit lies now: in bytes and lines of the buffer, which may have been edited since the reply.
local M = {}

---@class conexus.Place
---@field first integer 1-based line
---@field last integer 1-based, inclusive
---@field column integer byte column, 0-based
---@field last_column integer byte column where the last line's part ends

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

--- Return by how many lines a text moved: to the nearest line that reads like its first one.
---@param lines string[]
---@param line integer 1-based, where it was
---@param text string
---@return integer
local function drift(lines, line, text)
  for distance = 0, #lines do
    for _, candidate in ipairs({ line + distance, line - distance }) do
      if lines[candidate] and vim.endswith(lines[candidate], text) then
        return candidate - line
      end
    end
  end
  return 0
end

---@param lines string[]
---@param position lsp.Position
---@param encoding string
---@return integer line 1-based
---@return integer column in bytes
local function resolve(lines, position, encoding)
  local number = math.min(position.line + 1, #lines)
  local line = lines[number] or ''
  if number <= position.line then
    return number, #line
  end
  local column = encoding == 'utf-8' and position.character
    or vim.str_byteindex(line, encoding, position.character, false)
  return number, math.min(column, #line)
end

--- Return where a hit lies in these lines.
---@param hit table of docs/protocol.md: `range`, and `excerpt` if it has one
---@param lines string[]
---@param encoding string of positions
---@return conexus.Place
function M.of(hit, lines, encoding)
  local first, column = resolve(lines, hit.range.start, encoding)
  local last, last_column = resolve(lines, hit.range['end'], encoding)
  local text = (hit.excerpt or ''):match('^[^\r\n]*')
  local moved = text ~= '' and drift(lines, first, text) or 0
  first, last = first + moved, math.min(math.max(last + moved, 1), #lines)
  return { first = first, last = last, column = column, last_column = last_column }
end

--- Show a hit in the current window, or say that its file is gone.
---@param hit table
---@param encoding string
---@return boolean
function M.jump(hit, encoding)
  local name = vim.uri_to_fname(hit.uri)
  if not M.loaded(hit.uri) and not vim.uv.fs_stat(name) then
    require('conexus.client').say(name .. ' is gone', vim.log.levels.WARN)
    return false
  end
  vim.cmd("normal! m'")
  local buffer = vim.uri_to_bufnr(hit.uri)
  vim.bo[buffer].buflisted = true
  vim.api.nvim_win_set_buf(0, buffer)
  local place = M.of(hit, vim.api.nvim_buf_get_lines(buffer, 0, -1, false), encoding)
  vim.api.nvim_win_set_cursor(0, { place.first, place.column })
  vim.cmd('normal! zvzz')
  return true
end

return M
