--- By how many lines a place moved since its text was read: the buffer, or the file, may have been edited.
local M = {}

--- Return whether a line reads as one of the place did. A place may begin and end inside a line.
---@param line? string
---@param texts string[]
---@param index integer
---@return boolean
local function same(line, texts, index)
  if line == nil then
    return false
  end
  return line == texts[index]
    or index == 1 and vim.endswith(line, texts[index])
    or index == #texts and vim.startswith(line, texts[index])
end

---@param lines string[]
---@param texts string[]
---@param first integer
---@return boolean
local function unchanged(lines, texts, first)
  for index = 1, #texts do
    if not same(lines[first + index - 1], texts, index) then
      return false
    end
  end
  return true
end

--- Return for each shift how many lines of the place read the same there.
---@param lines string[]
---@param texts string[]
---@param first integer
---@return table<integer, integer>
local function agreement(lines, texts, first)
  local numbers, votes = {}, {} ---@type table<string, integer[]>, table<integer, integer>
  for number, line in ipairs(lines) do
    numbers[line] = numbers[line] or {}
    table.insert(numbers[line], number)
  end
  for index, text in ipairs(texts) do
    -- Empty lines and lone brackets are everywhere.
    for _, number in ipairs(text:find('%w') and numbers[text] or {}) do
      local shift = number - index - first + 1
      votes[shift] = (votes[shift] or 0) + 1
    end
  end
  return votes
end

--- Return the shift with the most votes, the smallest of several; 0 without any.
---@param shifts integer[]
---@param votes table<integer, integer>
---@return integer
local function best(shifts, votes)
  table.sort(shifts, function(a, b)
    local more = (votes[a] or 0) - (votes[b] or 0)
    return more > 0 or more == 0 and math.abs(a) < math.abs(b)
  end)
  return shifts[1] or 0
end

--- Return by how many lines a text moved: to a line that reads like the one in focus, with the most of the
--- others around it; without such a line, to where most of the lines are.
---@param lines string[] as they are now
---@param texts string[] the lines of the place, as they were
---@param first integer 1-based, where the first of them was
---@param focus integer 1-based, which of them is to be found
---@return integer
function M.of_text(lines, texts, first, focus)
  if unchanged(lines, texts, first) then
    return 0
  end
  local votes, shifts = agreement(lines, texts, first), {}
  for number = 1, texts[focus]:find('%w') and #lines or 0 do
    if same(lines[number], texts, focus) then
      shifts[#shifts + 1] = number - focus - first + 1
    end
  end
  return best(#shifts > 0 and shifts or vim.tbl_keys(votes), votes)
end

--- Return by how many lines a name moved: to the nearest line it stands on.
---@param lines string[]
---@param name string
---@param line integer 1-based, where it was
---@return integer
function M.of_name(lines, name, line)
  local shifts = {}
  for number, text in ipairs(lines) do
    if text:find(name, 1, true) then
      shifts[#shifts + 1] = number - line
    end
  end
  return best(shifts, {})
end

return M
