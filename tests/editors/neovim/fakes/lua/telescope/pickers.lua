local fake = require('telescope.fake')
local M = {}

local Picker = {}
Picker.__index = Picker

function M.new(options, defaults)
  return setmetatable(vim.tbl_extend('keep', options, defaults, { entries = {}, finds = 0 }), Picker)
end

--- Put an entry where its score belongs; of two alike, the tie-break may put the later one first.
function Picker:add(entry, prompt)
  entry.score = self.sorter.scoring_function(self.sorter, prompt, entry.ordinal, entry)
  local at = #self.entries + 1
  for index = #self.entries, 1, -1 do
    local other = self.entries[index]
    local before = other.score > entry.score
      or other.score == entry.score and entry.score < 1 and self.tiebreak(entry, other, prompt)
    at = before and index or at
  end
  table.insert(self.entries, at, entry)
end

function Picker:draw()
  self.prompt:show(vim.tbl_map(function(entry)
    return (entry.display(entry))
  end, self.entries))
  local state = { bufnr = vim.api.nvim_create_buf(false, true) }
  state.winid = self.prompt:preview(state.bufnr)
  if self.entries[1] then
    self.previewer.define_preview({ state = state }, self.entries[1], {})
  end
end

function Picker:search(prompt)
  self.finds = self.finds + 1
  local find = self.finds
  self.entries = {}
  local function on_entry(entry)
    if find ~= self.finds then
      return true
    end
    self:add(entry, prompt)
  end
  self.finder(prompt, on_entry, function()
    self:draw()
  end)
end

function Picker:find()
  fake.picker = self
  self.manager = {
    iter = function()
      return vim.iter(self.entries)
    end,
  }
  local keys = {}
  for key, kind in pairs({ ['<CR>'] = 'default', ['<C-x>'] = 'horizontal', ['<C-v>'] = 'vertical' }) do
    keys[key] = function()
      fake.select(self.prompt.buffer, kind)
    end
  end
  self.prompt = require('fake_prompt').open(function(query)
    self:search(query)
  end, keys)
  assert(self.attach_mappings(self.prompt.buffer, vim.keymap.set) == true)
  self:search(self.default_text or '')
end

return M
