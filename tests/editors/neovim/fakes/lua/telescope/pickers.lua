local fake = require('telescope.fake')
local M = {}

local Picker = {}
Picker.__index = Picker

function M.new(options, defaults)
  return setmetatable(
    vim.tbl_extend('keep', options, defaults, { entries = {}, finds = 0, callbacks = {} }),
    Picker
  )
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
  self.selected = self.entries[self.prompt.chosen]
  if self.selected then
    self.previewer.define_preview({ state = state }, self.selected, {})
  end
end

function Picker:get_selection()
  return self.selected
end

--- Rows count from the bottom here, as they may there.
function Picker.get_row(_, index)
  return -index
end

function Picker:set_selection(row)
  self.prompt.chosen = -row
end

function Picker:register_completion_callback(callback)
  table.insert(self.callbacks, callback)
end

function Picker:refresh()
  self:search(self.prompt.query)
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
    self.prompt.chosen = 1
    for _, callback in ipairs(self.callbacks) do
      callback(self)
    end
    self:draw()
  end)
end

function Picker:find()
  fake.picker = self
  self.manager = {
    iter = function()
      return vim.iter(self.entries)
    end,
    find_entry = function(_, entry)
      for index, one in ipairs(self.entries) do
        if one == entry then
          return index
        end
      end
    end,
  }
  local keys = {}
  for key, kind in pairs({ ['<CR>'] = 'default', ['<C-x>'] = 'horizontal', ['<C-v>'] = 'vertical' }) do
    keys[key] = function()
      fake.select(self.prompt.buffer, kind)
    end
  end
  keys['<C-c>'] = require('telescope.actions').close
  self.prompt = require('fake_prompt').open(
    function(query)
      self:search(query)
    end,
    keys,
    function()
      self:draw()
    end
  )
  assert(self.attach_mappings(self.prompt.buffer, vim.keymap.set) == true)
  self:search(self.default_text or '')
end

return M
