--- A picker of mini.pick.
local items = require('conexus.pickers.items')
local preview = require('conexus.preview')
local question = require('conexus.question')

local M = {}

local namespace = vim.api.nvim_create_namespace('conexus.mini')

---@param buffer integer
---@param shown conexus.Item[]
local function show(buffer, shown)
  local lines = vim.tbl_map(function(item)
    return item.text
  end, shown)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
  for row, item in ipairs(shown) do
    local at = 0
    for _, part in ipairs(item.parts) do
      local mark = { end_col = at + #part[1], hl_group = part[2] }
      vim.api.nvim_buf_set_extmark(buffer, namespace, row - 1, at, mark)
      at = at + #part[1]
    end
  end
end

--- Choose and mark in a list that was set anew what was chosen by hand and marked in the one before.
---@param pick table the module `mini.pick`
---@param before table matches of the list before
---@param found conexus.Item[]
local function restore(pick, before, found)
  local current = before.current_ind and before.current_ind > 1 and items.again(before.current, found)
  if current then
    pick.set_picker_match_inds({ current }, 'current')
  end
  local marked = vim.iter(before.marked or {}):map(function(item)
    return items.again(item, found)
  end)
  pick.set_picker_match_inds(marked:totable(), 'marked')
end

--- Return what is called whenever the prompt changes: it sets the items, and nothing matches them.
---@param pick table the module `mini.pick`
local function match(pick)
  local asked, answered = question.new(), nil
  local function ask(query, tick, again)
    asked:ask(table.concat(query), function(answer)
      local found, before = items.of(answer), again and pick.get_picker_matches()
      pick.set_picker_items(found, { do_match = false, querytick = tick })
      if before then
        restore(pick, before, found)
      end
    end)
  end
  asked:follow_incomplete(function()
    ask(pick.get_picker_query(), pick.get_querytick(), true)
  end)
  vim.api.nvim_create_autocmd('User', {
    pattern = 'MiniPickStop',
    once = true,
    callback = function()
      asked:close()
    end,
  })
  return function(_, _, query)
    local tick = pick.get_querytick()
    -- Setting items calls this again.
    if tick ~= answered then
      answered = tick
      ask(query, tick)
    end
  end
end

---@param options? {query?: string} and what `MiniPick.start` understands
function M.open(options)
  local pick = require('mini.pick')
  local function choose(item)
    vim.api.nvim_win_call(pick.get_picker_state().windows.target, function()
      items.open(item)
    end)
  end
  local function list(chosen)
    local title = table.concat(pick.get_picker_query())
    vim.schedule(function()
      items.list(title, chosen)
    end)
  end
  local ours = {
    source = {
      name = 'Conexus',
      items = {},
      match = match(pick),
      show = show,
      preview = function(buffer, item)
        preview.show({ buffer = buffer, window = vim.fn.bufwinid(buffer) }, item.hit, item.encoding)
      end,
      choose = choose,
      choose_marked = list,
    },
  }
  if options and options.query then
    vim.schedule(function()
      pick.set_picker_query(vim.fn.split(options.query, '\\zs'))
    end)
  end
  return pick.start(vim.tbl_deep_extend('force', ours, options or {}))
end

return M
