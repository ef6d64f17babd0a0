--- A picker of telescope.nvim; also `:Telescope conexus` once `load_extension('conexus')` was called.
local items = require('conexus.pickers.items')
local preview = require('conexus.preview')
local question = require('conexus.question')

local M = {}

local COMMANDS = { horizontal = 'split', vertical = 'vsplit', tab = 'tab split' }

--- Return an item as Telescope wants it.
---@param item conexus.Item
---@param index integer
---@return table
local function entry(item, index)
  return {
    value = item,
    index = index,
    ordinal = item.text,
    filename = item.filename,
    lnum = item.lnum,
    col = item.col,
    text = item.text,
    display = function()
      local marks, at = {}, 0
      for _, part in ipairs(item.parts) do
        marks[#marks + 1] = { { at, at + #part[1] }, part[2] }
        at = at + #part[1]
      end
      return item.text, marks
    end,
  }
end

--- Return the entries of an answer. Telescope's marks are of tables: a hit that is in `before` keeps its own.
---@param answer conexus.Answer
---@param before table[] entries of the last answer to the same question
---@return table[]
local function entries(answer, before)
  local known = vim.tbl_map(function(one)
    return one.value
  end, before)
  local made = {}
  for index, item in ipairs(items.of(answer)) do
    made[index] = before[items.again(item, known)] or {}
    for key, value in pairs(entry(item, index)) do
      made[index][key] = value
    end
  end
  return made
end

--- Return a finder: whatever may be called with the prompt.
---@param asked conexus.Question
local function finder(asked)
  local shown, last = {}, nil ---@type table[], string?
  local function find(_, prompt, on_entry, on_complete)
    asked:ask(prompt or '', function(answer)
      shown, last = entries(answer, prompt == last and shown or {}), prompt
      for _, one in ipairs(shown) do
        if on_entry(one) then
          return
        end
      end
      on_complete()
    end)
  end
  local function close()
    asked:close()
  end
  return setmetatable({ close = close }, { __call = find })
end

--- Ask again when the index is complete; what was chosen by hand stays so, if it is still an answer.
---@param picker table
---@param asked conexus.Question
local function follow(picker, asked)
  local chosen ---@type table?
  asked:follow_incomplete(function()
    local selected = picker:get_selection()
    -- Until the answer is shown the selection is anybody's.
    chosen = chosen or selected and selected.index > 1 and selected or nil
    picker:refresh()
  end)
  picker:register_completion_callback(function()
    local index = chosen and picker.manager:find_entry(chosen)
    chosen = nil
    if index then
      picker:set_selection(picker:get_row(index))
    end
  end)
end

---@param options? {query?: string} and what Telescope's pickers understand
function M.open(options)
  local previewers = require('telescope.previewers')
  local state = require('telescope.actions.state')
  options = vim.tbl_extend('keep', options or {}, { default_text = options and options.query })
  local function attach(prompt)
    require('telescope.actions.set').select:replace(function(_, kind)
      local chosen = state.get_selected_entry()
      require('telescope.actions').close(prompt)
      items.open(chosen and chosen.value, COMMANDS[kind])
    end)
    return true
  end
  local asked = question.new()
  local picker = require('telescope.pickers').new(options, {
    prompt_title = 'Conexus',
    finder = finder(asked),
    -- The server ranks: nothing is filtered, and what comes later never comes before.
    sorter = require('telescope.sorters').empty(),
    tiebreak = function()
      return false
    end,
    previewer = previewers.new_buffer_previewer({
      title = 'Conexus',
      define_preview = function(self, chosen)
        local pane = { buffer = self.state.bufnr, window = self.state.winid }
        preview.show(pane, chosen.value.hit, chosen.value.encoding)
      end,
    }),
    attach_mappings = attach,
  })
  follow(picker, asked)
  picker:find()
end

return M
