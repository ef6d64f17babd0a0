--- A picker of snacks.nvim.
local items = require('conexus.pickers.items')
local preview = require('conexus.preview')
local question = require('conexus.question')

local M = {}

local COMMANDS = { split = 'split', vsplit = 'vsplit', tab = 'tab split' }

--- Return a finder for the project of a buffer.
---@param buffer integer
local function finder(buffer)
  return function(_, context)
    return function(on_item)
      -- Each search is a task of its own, and the one before may end after this one began.
      local task, asked, found = context.async, question.new(buffer), nil
      task:on(
        'abort',
        vim.schedule_wrap(function()
          asked:drop()
        end)
      )
      vim.schedule(function()
        asked:ask(context.filter.search, function(answer)
          found = items.of(answer)
          task:resume()
        end)
      end)
      while not found do
        task:suspend()
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
  local ours = {
    source = 'conexus',
    title = 'Conexus',
    search = options and options.query,
    -- The server ranks: typing asks it again, and its order is the order of the list.
    live = true,
    supports_live = true,
    sort = { fields = { 'idx' } },
    matcher = { sort_empty = false },
    finder = finder(vim.api.nvim_get_current_buf()),
    format = function(shown)
      return vim.deepcopy(shown.item.parts)
    end,
    preview = function(context)
      local pane = { buffer = context.preview:scratch(), window = context.win }
      preview.show(pane, context.item.item.hit, context.item.item.encoding)
    end,
    confirm = open,
  }
  require('snacks').picker.pick(vim.tbl_deep_extend('force', ours, options or {}))
end

return M
