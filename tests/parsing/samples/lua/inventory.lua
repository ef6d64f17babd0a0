local json = require("json")

local M = {}

-- How many fit.
M.LIMIT = 20
local counter = 0

--- Adds an item.
-- @param item what to add
function M.add(item)
  counter = counter + 1
  table.insert(M.items, item)
end

M.remove = function(item)
  counter = counter - 1
end

local function find(name)
  return M.items[name]
end

function M:each(callback)
  for _, item in ipairs(self.items) do
    callback(item)
  end
end

local helper = function() return 1 end

function global_reset()
  M.items = {}
end

return M
