-- A fake of mini.pick. That the real one waits for keys in a loop of its own makes no difference to a source.
local M = {}

local state = { tick = 0 }

function M.setup()
  _G.MiniPick = M
end

function M.get_querytick()
  return state.tick
end

function M.get_picker_query()
  return state.query
end

function M.get_picker_items()
  return state.items
end

function M.get_picker_matches()
  local function item(index)
    return state.items[index]
  end
  local chosen = state.prompt.chosen
  return { current_ind = chosen, current = item(chosen), marked = vim.tbl_map(item, state.marked) }
end

function M.set_picker_match_inds(indexes, kind)
  if kind == 'current' then
    state.prompt.chosen = indexes[1]
  else
    assert(kind == 'marked', 'what is set would be shown alone')
    state.marked = indexes
  end
  M.draw()
end

function M.get_picker_state()
  return { windows = { target = state.prompt.home } }
end

function M.set_picker_query(query)
  state.tick, state.query = state.tick + 1, query
  state.source.match({}, {}, query)
end

function M.set_picker_items(items, options)
  if options.querytick == nil or options.querytick == state.tick then
    assert(options.do_match == false, 'what is set would be matched with what is typed')
    state.items, state.marked, state.prompt.chosen = items, {}, 1
    M.draw()
  end
end

function M.draw()
  local shown = vim.api.nvim_create_buf(false, true)
  state.source.show(shown, state.items, state.query)
  state.prompt:show(vim.api.nvim_buf_get_lines(shown, 0, -1, false))
  local buffer = vim.api.nvim_create_buf(false, true)
  state.prompt:preview(buffer)
  local item = state.items[state.prompt.chosen]
  if item then
    state.source.preview(buffer, item)
  end
end

local function close()
  vim.api.nvim_exec_autocmds('User', { pattern = 'MiniPickStop' })
  state.prompt:close()
end

function M.start(options)
  state.source, state.items, state.query, state.marked = options.source, {}, {}, {}
  local function choose(prepare)
    return function()
      local item = state.items[state.prompt.chosen]
      if prepare then
        vim.api.nvim_win_call(state.prompt.home, function()
          vim.cmd(prepare)
          state.prompt.home = vim.api.nvim_get_current_win()
        end)
      end
      if item and not state.source.choose(item) then
        close()
      end
    end
  end
  local keys = { ['<CR>'] = choose(), ['<C-v>'] = choose('vsplit'), ['<C-a>'] = '<Nop>', ['<C-c>'] = close }
  keys['<C-x>'] = function()
    table.insert(state.marked, state.prompt.chosen)
  end
  keys['<M-CR>'] = function()
    state.source.choose_marked(state.items)
    close()
  end
  state.prompt = require('fake_prompt').open(function(query)
    M.set_picker_query(vim.fn.split(query, '\\zs'))
  end, keys, M.draw)
  M.set_picker_query({})
end

return M
