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

--- Return `path:line`, with the folder's name in front where there are several.
---@param hit table
---@return string
function M.where(hit)
  local path = hit.path or vim.fs.relpath(vim.uri_to_fname(hit.folder), vim.uri_to_fname(hit.uri))
  return ('%s:%d'):format(path, hit.range.start.line + 1)
end

--- Return a hit as parts of a row, each with its highlight group.
---@param hit table
---@return {[1]: string, [2]: string}[]
function M.row(hit)
  local name = hit.symbol ~= '' and hit.symbol or vim.fs.basename(hit.path)
  return {
    { name, 'ConexusSymbol' },
    { ' ' .. hit.kind .. '  ', 'ConexusKind' },
    { M.where(hit), 'ConexusPath' },
    { '  ' .. M.glimpse(hit.excerpt), 'ConexusExcerpt' },
  }
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
