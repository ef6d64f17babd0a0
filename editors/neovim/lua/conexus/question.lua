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
---@field complete boolean whether the last answer was given by a complete index
---@field moved? conexus.Folder what the server told last while the question under way was not answered
---@field on_move? fun(folder: conexus.Folder)
---@field watch? integer the autocommand that hears of the index
local Question = {}
Question.__index = Question

--- Return something to ask with.
---@param buffer? integer whose project is asked; the current one if left out
---@return conexus.Question
function M.new(buffer)
  return setmetatable({ buffer = buffer or vim.api.nvim_get_current_buf(), complete = true }, Question)
end

--- Return which hit of a new answer is one of an older.
---@param hit? conexus.Hit
---@param hits conexus.Hit[]
---@return integer?
function M.place(hit, hits)
  for number, one in ipairs(hit and hits or {}) do
    if one.uri == hit.uri and vim.deep_equal(one.range, hit.range) then
      return number
    end
  end
end

--- Call back whenever the index moved, until `close`; while a question is under way, after its answer.
---@param on_move fun(folder: conexus.Folder)
function Question:follow(on_move)
  self.on_move = on_move
  self.watch = vim.api.nvim_create_autocmd('User', {
    pattern = 'ConexusStatus',
    callback = function(event)
      -- Without a folder a server ended: asking would start it, and one that cannot run would end again.
      if event.data and self.cancel then
        self.moved = event.data
      elseif event.data then
        on_move(event.data)
      end
    end,
  })
end

--- Call back each time that an answer was incomplete and its folder is ready now, until `close`.
---@param again fun() asks again
function Question:follow_incomplete(again)
  self:follow(function(folder)
    if not self.complete and folder.phase == 'ready' then
      -- Plugins take a moment until they ask: they are told once.
      self.complete = true
      again()
    end
  end)
end

---@param query string
---@param on_answer fun(answer: conexus.Answer) not called for a question that was taken back
function Question:ask(query, on_answer)
  self:drop()
  query, self.complete = vim.trim(query), true
  if query == '' then
    local remarks = { 'type a question, a name or some code' }
    return on_answer({ hits = {}, remarks = remarks, encoding = 'utf-8' })
  end
  local asking = { query = query, limit = LIMIT, context = client.context(self.buffer) }
  self.cancel = client.ask('conexus/search', asking, function(problem, result, asked)
    local moved = self.moved
    self.cancel, self.moved = nil, nil
    self.complete = problem ~= nil or result.completeness.complete
    on_answer({
      hits = problem and {} or result.hits,
      remarks = problem and { problem } or rows.remarks(query, #result.hits, result),
      encoding = asked and asked.offset_encoding or 'utf-8',
    })
    if moved then
      -- Whoever shows the answer comes first.
      vim.schedule(function()
        if self.watch and not self.cancel then
          self.on_move(moved)
        end
      end)
    end
  end, self.buffer)
end

--- Take back what was asked last.
function Question:drop()
  if self.cancel then
    self.cancel()
    self.cancel, self.moved = nil, nil
  end
end

--- Take back what was asked last, and follow the index no more.
function Question:close()
  self:drop()
  if self.watch then
    vim.api.nvim_del_autocmd(self.watch)
    self.watch = nil
  end
end

return M
