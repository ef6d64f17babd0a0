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
    state.items = items
    local shown = vim.api.nvim_create_buf(false, true)
    state.source.show(shown, items, state.query)
    state.prompt:show(vim.api.nvim_buf_get_lines(shown, 0, -1, false))
    local buffer = vim.api.nvim_create_buf(false, true)
    state.prompt:preview(buffer)
    if items[1] then
      state.source.preview(buffer, items[1])
    end
  end
end

function M.start(options)
  state.source, state.items, state.query = options.source, {}, {}
  local function choose(prepare)
    return function()
      local item = state.items[1]
      if prepare then
        vim.api.nvim_win_call(state.prompt.home, function()
          vim.cmd(prepare)
          state.prompt.home = vim.api.nvim_get_current_win()
        end)
      end
      if item and not state.source.choose(item) then
        state.prompt:close()
      end
    end
  end
  local keys = { ['<CR>'] = choose(), ['<C-v>'] = choose('vsplit'), ['<C-a>'] = '<Nop>' }
  keys['<M-CR>'] = function()
    state.source.choose_marked(state.items)
    state.prompt:close()
  end
  state.prompt = require('fake_prompt').open(function(query)
    M.set_picker_query(vim.fn.split(query, '\\zs'))
  end, keys)
  M.set_picker_query({})
end

return M
