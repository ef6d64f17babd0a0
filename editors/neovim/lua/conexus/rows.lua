--- Answers as lines of text: one row for a hit, and rows that say what is missing.
local M = {}

--- Return the first line of an excerpt that says something.
---@param excerpt string
---@return string
function M.glimpse(excerpt)
  for line in vim.gsplit(excerpt, '\r?\n') do
    local text = vim.trim(line)
    if text:find('%w') then
      return (text:gsub('%s+', ' '))
    end
  end
  return ''
end

--- Return `path:line`.
---@param hit table
---@return string
function M.where(hit)
  return ('%s:%d'):format(hit.path, hit.range.start.line + 1)
end

--- Return what a hit is called: its symbol, or its file, and the kind.
---@param hit table
---@return string
function M.name(hit)
  local name = hit.symbol ~= '' and hit.symbol or vim.fs.basename(hit.path)
  return name .. ' ' .. hit.kind
end

--- Return what a reply leaves to say, a line each: that nothing was found, that the index is incomplete.
---@param query string
---@param count integer
---@param result table with `completeness`, and `notes` where the request has them
---@return string[]
function M.remarks(query, count, result)
  local remarks = vim.deepcopy(result.notes or {})
  if count == 0 then
    table.insert(remarks, 1, ('nothing found for "%s"'):format(query))
  end
  local state = result.completeness
  if not state.complete then
    local phase = state.phase == 'paused' and 'indexing is paused' or 'still indexing'
    remarks[#remarks + 1] = ('%s, %d %%: %d files to go'):format(phase, state.percent, state.pending)
  end
  return remarks
end

return M
