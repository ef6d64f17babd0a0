--- Answers as lines of text: one row for a hit, and rows that say what is missing.
local M = {}

--- Return what a hit says: its line in focus, or the first one after it with words.
---@param hit conexus.Hit
---@return string
function M.glimpse(hit)
  local lines = vim.split(hit.excerpt, '\n', { plain = true })
  for number = hit.focus.start.line - hit.range.start.line + 1, #lines do
    local text = vim.trim(lines[number])
    if text:find('%w') then
      return (text:gsub('%s+', ' '))
    end
  end
  return ''
end

--- Return `path:line`.
---@param hit conexus.Hit
---@return string
function M.where(hit)
  return ('%s:%d'):format(hit.path, hit.focus.start.line + 1)
end

--- Return what a hit is called: its symbol, or its file, and the kind.
---@param hit conexus.Hit
---@return string
function M.name(hit)
  local name = hit.symbol ~= '' and hit.symbol or vim.fs.basename(hit.path)
  return name .. ' ' .. hit.kind
end

--- Return a hit as one line: its pieces and their highlight groups.
---@param hit conexus.Hit
---@return {[1]: string, [2]: string}[]
function M.parts(hit)
  local name = M.name(hit)
  local symbol = name:sub(1, #name - #hit.kind)
  return {
    { symbol, 'ConexusSymbol' },
    { hit.kind, 'ConexusKind' },
    { '  ' .. M.where(hit), 'ConexusPath' },
    { '  ' .. M.glimpse(hit), 'ConexusExcerpt' },
  }
end

--- Return what a reply leaves to say, a line each: that nothing was found, that the index is incomplete.
---@param query string
---@param count integer
---@param result conexus.SearchResult|conexus.SymbolsResult
---@return string[]
function M.remarks(query, count, result)
  local remarks, state = vim.deepcopy(result.notes or {}), result.completeness
  if count == 0 then
    table.insert(remarks, 1, ('nothing found %sfor "%s"'):format(state.complete and '' or 'yet ', query))
  end
  if not state.complete then
    local phase = state.phase == 'paused' and 'indexing is paused' or 'still indexing'
    -- How many files there are is not known before the first look at all of them.
    local left = state.pending > 0 and (': %d files to go'):format(state.pending) or ''
    remarks[#remarks + 1] = ('%s, %d %%%s'):format(phase, state.percent, left)
  end
  return remarks
end

return M
