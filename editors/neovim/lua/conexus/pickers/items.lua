--- What the sources for other plugins' pickers share: an answer as items in the server's order.
local highlights = require('conexus.highlights')
local lists = require('conexus.lists')
local place = require('conexus.place')
local question = require('conexus.question')
local rows = require('conexus.rows')

local M = {}

---@class conexus.Item
---@field text string one line
---@field parts {[1]: string, [2]: string}[] the pieces of it and their highlight groups
---@field encoding string of positions
---@field hit? conexus.Hit nil for a remark
---@field filename? string
---@field lnum? integer 1-based
---@field col? integer 1-based, in bytes as far as the encoding is UTF-8

---@param parts {[1]: string, [2]: string}[]
---@param encoding string
---@param hit? conexus.Hit
---@return conexus.Item
local function item(parts, encoding, hit)
  local text = ''
  for _, part in ipairs(parts) do
    text = text .. part[1]
  end
  local at = hit and hit.focus.start
  return {
    text = text,
    parts = parts,
    encoding = encoding,
    hit = hit,
    filename = hit and vim.uri_to_fname(hit.uri),
    lnum = at and at.line + 1,
    col = at and at.character + 1,
  }
end

--- Return the items of an answer: hits in the server's order, then what is missing.
---@param answer conexus.Answer
---@return conexus.Item[]
function M.of(answer)
  highlights.define()
  local items = {}
  for _, hit in ipairs(answer.hits) do
    items[#items + 1] = item(rows.parts(hit), answer.encoding, hit)
  end
  for _, remark in ipairs(answer.remarks) do
    items[#items + 1] = item({ { (remark:gsub('%c', ' ')), 'ConexusRemark' } }, answer.encoding)
  end
  return items
end

--- Return which of some items stands for the hit of an older one.
---@param chosen? conexus.Item
---@param found conexus.Item[]
---@return integer?
function M.again(chosen, found)
  return question.place(
    chosen and chosen.hit,
    vim.tbl_map(function(one)
      return one.hit
    end, found)
  )
end

--- Go to where the hit of an item is now; a remark leads nowhere.
---@param chosen? conexus.Item
---@param command? string that makes the window, such as `vsplit`
function M.open(chosen, command)
  if chosen and chosen.hit then
    place.open(chosen.hit, chosen.encoding, command)
  end
end

--- Put the hits among some items into the quickfix list.
---@param title string
---@param items conexus.Item[]
function M.list(title, items)
  local hits = {}
  for _, one in ipairs(items) do
    hits[#hits + 1] = one.hit
  end
  if #hits > 0 then
    lists.fill(title, hits, items[1].encoding)
  end
end

return M
