--- A picker of snacks.nvim.
local items = require('conexus.pickers.items')
local preview = require('conexus.preview')
local question = require('conexus.question')

local M = {}

local COMMANDS = { split = 'split', vsplit = 'vsplit', tab = 'tab split' }

--- Return a finder: each search is a task of its own, all ask with the same question.
---@param asked conexus.Question
local function finder(asked)
  local picker, chosen ---@type table?, conexus.Item?
  asked:follow_incomplete(function()
    local current = picker and picker:current()
    chosen = current and current.idx > 1 and current.item or nil
    picker:find()
  end)
  return function(_, context)
    local kept, found = chosen, nil ---@type conexus.Item?, conexus.Item[]?
    picker, chosen = context.picker, nil
    return function(on_item)
      local task = context.async
      vim.schedule(function()
        asked:ask(context.filter.search, function(answer)
          found = items.of(answer)
          task:resume()
        end)
      end)
      while not found do
        task:suspend()
      end
      local again = items.again(kept, found)
      if again then
        picker.list:set_target(again)
      end
      for _, item in ipairs(found) do
        local position = item.lnum and { item.lnum, item.col - 1 }
        on_item({ text = item.text, file = item.filename, pos = position, item = item })
      end
    end
  end
end

local function open(picker, chosen, action)
  -- Insert mode must end in the prompt: ending it elsewhere would move the cursor there.
  vim.cmd('stopinsert')
  vim.schedule(function()
    picker:close()
    items.open(chosen and chosen.item, COMMANDS[action and action.cmd])
  end)
end

---@param options? {query?: string} and what snacks' pickers understand
function M.open(options)
  local asked = question.new()
  local ours = {
    source = 'conexus',
    title = 'Conexus',
    search = options and options.query,
    -- The server ranks: typing asks it again, and its order is the order of the list.
    live = true,
    supports_live = true,
    sort = { fields = { 'idx' } },
    matcher = { sort_empty = false },
    finder = finder(asked),
    format = function(shown)
      return vim.deepcopy(shown.item.parts)
    end,
    preview = function(context)
      local pane = { buffer = context.preview:scratch(), window = context.win }
      preview.show(pane, context.item.item.hit, context.item.item.encoding)
    end,
    confirm = open,
  }
  local wanted = vim.tbl_deep_extend('force', ours, options or {})
  function wanted.on_close(picker)
    asked:close()
    if options and options.on_close then
      options.on_close(picker)
    end
  end
  require('snacks').picker.pick(wanted)
end

return M
