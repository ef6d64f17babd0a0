-- Run by bench/neovim.py in the real Neovim: notes how long it takes from a key to the screen with the answers.
-- BENCH_PLUGIN: editors/neovim. BENCH_OUT: where the figures go, one line of JSON for each answer.
vim.opt.runtimepath:append(vim.env.BENCH_PLUGIN)
vim.o.swapfile = false
vim.lsp.enable('conexus')

local pressed, answered, asked = 0, nil, 0
local out = assert(io.open(vim.env.BENCH_OUT, 'w'))

-- The moment Neovim takes a letter from the terminal, before anything is done about it. Events and `:normal`
-- come this way, too, but were not typed.
vim.on_key(function(_, typed)
  if typed:match('^[ -~]$') then
    pressed = vim.uv.hrtime()
  end
end)

-- What the picker is given: the answer to the whole of the prompt, shown when this returns.
local question = require('conexus.question')
local new = question.new
question.new = function(...)
  local one = new(...)
  one.ask = function(self, query, on_answer)
    asked = vim.uv.hrtime()
    return getmetatable(one).__index.ask(self, query, function(answer)
      local arrived = vim.uv.hrtime()
      on_answer(answer)
      answered = { query = query, hits = #answer.hits, server_ms = (arrived - asked) / 1e6 }
    end)
  end
  return one
end

-- The end of the redraw that shows it: what follows is the terminal's.
vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace('bench'), {
  on_end = function()
    if answered then
      answered.ms = (vim.uv.hrtime() - pressed) / 1e6
      out:write(vim.json.encode(answered) .. '\n')
      out:flush()
      answered = nil
    end
  end,
})

-- Say when the index is complete.
vim.api.nvim_create_autocmd('LspAttach', {
  callback = function(event)
    local client = assert(vim.lsp.get_client_by_id(event.data.client_id))
    client:request('conexus/waitForRevision', { complete = true, timeoutMs = 1800000 }, function()
      out:write('{"ready":true}\n')
      out:flush()
    end)
  end,
})
