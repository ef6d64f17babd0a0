--- Questions asked one after the other while somebody types: each takes back the one before it.
local client = require('conexus.client')
local rows = require('conexus.rows')

local M = {}

local LIMIT = 50

---@class conexus.Answer
---@field hits conexus.Hit[] in the server's order
---@field remarks string[] what is missing, a line each
---@field encoding string of positions

---@class conexus.Question
---@field buffer integer whose project is asked
---@field cancel? fun() takes the question back that is not answered yet
local Question = {}
Question.__index = Question

--- Return something to ask with.
---@param buffer? integer whose project is asked; the current one if left out
---@return conexus.Question
function M.new(buffer)
  return setmetatable({ buffer = buffer or vim.api.nvim_get_current_buf() }, Question)
end

---@param query string
---@param on_answer fun(answer: conexus.Answer) not called for a question that was taken back
function Question:ask(query, on_answer)
  self:drop()
  query = vim.trim(query)
  if query == '' then
    local remarks = { 'type a question, a name or some code' }
    return on_answer({ hits = {}, remarks = remarks, encoding = 'utf-8' })
  end
  local asking = { query = query, limit = LIMIT, context = client.context(self.buffer) }
  self.cancel = client.ask('conexus/search', asking, function(problem, result, asked)
    self.cancel = nil
    on_answer({
      hits = problem and {} or result.hits,
      remarks = problem and { problem } or rows.remarks(query, #result.hits, result),
      encoding = asked and asked.offset_encoding or 'utf-8',
    })
  end, self.buffer)
end

--- Take back what was asked last.
function Question:drop()
  if self.cancel then
    self.cancel()
    self.cancel = nil
  end
end

return M
