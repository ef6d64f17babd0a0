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

--- Return a finder: whatever may be called with the prompt.
local function finder()
  local asked = question.new()
  local function find(_, prompt, on_entry, on_complete)
    asked:ask(prompt or '', function(answer)
      for index, item in ipairs(items.of(answer)) do
        if on_entry(entry(item, index)) then
          return
        end
      end
      on_complete()
    end)
  end
  local function close()
    asked:drop()
  end
  return setmetatable({ close = close }, { __call = find })
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
  require('telescope.pickers')
    .new(options, {
      prompt_title = 'Conexus',
      finder = finder(),
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
    :find()
end

return M
