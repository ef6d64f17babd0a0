--- What other plugins and a configuration may call. Everything here is also a subcommand of `:Conexus`.
local M = {}

--- Open live search.
---@param query? string what the prompt begins with
function M.live(query)
  require('conexus.live').open(query)
end

---@class conexus.ListOptions
---@field loclist? boolean into the location list of the current window instead of the quickfix list

--- Fill a list with the answers to a question.
---@param query string
---@param options? conexus.ListOptions
function M.search(query, options)
  require('conexus.lists').search(query, options)
end

--- Fill a list with code like some lines of the current buffer.
---@param first integer 1-based
---@param last integer inclusive
---@param options? conexus.ListOptions
function M.similar(first, last, options)
  require('conexus.lists').similar(first, last, options)
end

--- Fill a list with what belongs to the current file: tests, documents, neighbours.
---@param line? integer 1-based; what belongs to the definition there
---@param options? conexus.ListOptions
function M.related(line, options)
  require('conexus.lists').related(line, options)
end

--- Fill a list with definitions by name, or with those of the current file.
---@param name? string
---@param options? conexus.ListOptions
function M.symbols(name, options)
  require('conexus.lists').symbols(name, options)
end

--- Open live search in another plugin's picker.
---@param name 'telescope'|'fzf'|'snacks'|'mini'
---@param options? {query?: string} and what that plugin's pickers understand
function M.pick(name, options)
  require('conexus.pickers.' .. name).open(options)
end

--- Return the state of the index for a statusline: `conexus`, `conexus 34%`, `conexus paused`, or nothing
--- without a server.
---@return string
function M.statusline()
  return require('conexus.state').line()
end

M.status = M.statusline

return M
