-- A fake of fzf-lua and of fzf: rows are lines of text, of which the fields `--with-nth` names are shown.
local M = { utils = {} }

function M.setup() end

function M.utils.ansi_from_hl(_, text)
  return text
end

function M.fzf_live(contents, options)
  local flags, lines = options.fzf_opts, {}
  assert(flags['--with-nth'] == '2..' and flags['--delimiter'])
  local prompt, query
  local previewer = options.previewer._ctor()
  local function preview()
    if lines[prompt.chosen] then
      local here = setmetatable({ prompt = prompt, win = {} }, { __index = previewer })
      here:populate_preview_buf(lines[prompt.chosen])
    end
  end
  local function search(typed)
    local found = {}
    query = typed
    contents({ query }, options)(function(line)
      if line then
        found[#found + 1] = line
        return
      end
      lines = found
      prompt:show(vim.tbl_map(function(one)
        return one:sub(#one:match('^.-' .. flags['--delimiter']) + 1)
      end, found))
      preview()
    end)
  end
  local keys = {}
  for key, action in pairs(options.actions) do
    if type(action) == 'function' then
      keys[('<%s>'):format(key:gsub('^ctrl', 'C'))] = function()
        prompt:close()
        vim.schedule(function()
          action({ lines[prompt.chosen] }, options)
        end)
      end
    end
  end
  prompt = require('fake_prompt').open(function(typed)
    prompt.chosen = 1
    search(typed)
  end, keys, preview)
  -- What runs in the terminal gets the keys that are sent to it; the row that was chosen stays chosen.
  vim.b[prompt.buffer].terminal_job_id = vim.fn.jobstart({ 'cat' }, {
    on_stdout = function(_, data)
      if data[1] == '\27\18' then
        assert(options.actions['ctrl-alt-r'].reload)
        search(query)
      end
    end,
  })
  if options.exec_empty_query then
    search(options.query or '')
  end
end

return M
