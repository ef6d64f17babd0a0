--- Answers in the quickfix list or a location list.
local client = require('conexus.client')
local place = require('conexus.place')
local rows = require('conexus.rows')

local M = {}

--- Return hits as entries of a list, in their order.
---@param hits (conexus.Hit|conexus.Symbol)[]
---@param encoding string
---@return vim.quickfix.entry[]
local function entries(hits, encoding)
  local texts = {} ---@type table<string, string[]|false>
  return vim.tbl_map(function(hit)
    if texts[hit.uri] == nil then
      texts[hit.uri] = place.lines(hit.uri) or false
    end
    local found = place.of(hit, texts[hit.uri] or {}, encoding)
    local name = hit.symbol or (hit.container ~= '' and hit.container .. '.' or '') .. hit.name
    local glimpse = hit.excerpt and ': ' .. rows.glimpse(hit) or ''
    return {
      filename = vim.uri_to_fname(hit.uri),
      lnum = found.line,
      col = found.column + 1,
      end_lnum = found.last,
      text = vim.trim(('%s %s'):format(hit.kind, name)) .. glimpse,
    }
  end, hits)
end

--- Put hits into a list and open it.
---@param title string
---@param hits (conexus.Hit|conexus.Symbol)[]
---@param encoding string
---@param options? conexus.ListOptions
function M.fill(title, hits, encoding, options)
  local what = { title = 'Conexus: ' .. title, items = entries(hits, encoding) }
  if options and options.loclist then
    vim.fn.setloclist(0, {}, ' ', what)
    vim.cmd('lopen')
  else
    vim.fn.setqflist({}, ' ', what)
    vim.cmd('botright copen')
  end
end

---@param method string
---@param params table
---@param title string
---@param options? conexus.ListOptions
local function ask(method, params, title, options)
  client.ask(method, params, function(problem, result, asked)
    if problem then
      return client.say(problem, vim.log.levels.ERROR)
    end
    local hits = result.hits or result.symbols
    local remarks = rows.remarks(title, #hits, result)
    if #remarks > 0 then
      client.say(table.concat(remarks, '; '))
    end
    if #hits > 0 then
      M.fill(title, hits, asked.offset_encoding, options)
    end
  end)
end

local function complain()
  client.say('this buffer is no file of the project', vim.log.levels.WARN)
end

---@param query string
---@param options? conexus.ListOptions
function M.search(query, options)
  ask('conexus/search', { query = query, limit = 50, context = client.context(0) }, query, options)
end

---@param first integer
---@param last integer
---@param options? conexus.ListOptions
function M.similar(first, last, options)
  local text = table.concat(vim.api.nvim_buf_get_lines(0, first - 1, last, false), '\n')
  local range = { start = { line = first - 1, character = 0 }, ['end'] = { line = last, character = 0 } }
  local known = client.document(0)
  local params = known and { textDocument = known, range = range } or { text = text }
  ask(
    'conexus/similar',
    params,
    ('like lines %d-%d of %s'):format(first, last, vim.fn.expand('%:.')),
    options
  )
end

---@param line? integer
---@param options? conexus.ListOptions
function M.related(line, options)
  local known = client.document(0)
  if not known then
    return complain()
  end
  local position = line and { line = line - 1, character = 0 } or nil
  local title = 'related to ' .. vim.fn.expand('%:.') .. (line and ':' .. line or '')
  ask('conexus/related', { textDocument = known, position = position }, title, options)
end

---@param name? string
---@param options? conexus.ListOptions
function M.symbols(name, options)
  local params = name and { query = name, semantic = true } or { textDocument = client.document(0) }
  if not (name or params.textDocument) then
    return complain()
  end
  ask('conexus/symbols', params, name or 'symbols of ' .. vim.fn.expand('%:.'), options)
end

return M
