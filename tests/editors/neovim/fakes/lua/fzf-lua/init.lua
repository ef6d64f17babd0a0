-- A fake of fzf-lua and of fzf: rows are lines of text, of which the fields `--with-nth` names are shown.
local M = { utils = {} }

function M.setup() end

function M.utils.ansi_from_hl(_, text)
  return text
end

function M.fzf_live(contents, options)
  local flags, lines = options.fzf_opts, {}
  assert(flags['--with-nth'] == '2..' and flags['--delimiter'])
  local prompt
  local previewer = options.previewer._ctor()
  local function preview()
    if lines[1] then
      local here = setmetatable({ prompt = prompt, win = {} }, { __index = previewer })
      here:populate_preview_buf(lines[1])
    end
  end
  local function search(query)
    local found = {}
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
    keys[('<%s>'):format(key:gsub('^ctrl', 'C'))] = function()
      prompt:close()
      vim.schedule(function()
        action({ lines[1] }, options)
      end)
    end
  end
  prompt = require('fake_prompt').open(search, keys)
  if options.exec_empty_query then
    search(options.query or '')
  end
end

return M
