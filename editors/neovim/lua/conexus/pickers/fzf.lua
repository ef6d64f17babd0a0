--- A picker of fzf-lua.
local items = require('conexus.pickers.items')
local preview = require('conexus.preview')
local question = require('conexus.question')

local M = {}

-- fzf shows text and gives it back: the number of the item goes ahead of it, out of sight.
local SEPARATOR = '\t'
-- fzf asks again when it is told to by a key, as its terminal sends it: nobody has to type this one.
local AGAIN, AGAIN_SENT = 'ctrl-alt-r', '\27\18'

---@param line? string
---@param shown conexus.Item[]
---@return conexus.Item?
local function item_of(line, shown)
  return line and shown[tonumber(line:match('^%d+'))]
end

--- Return the lines of some items for fzf.
---@param shown conexus.Item[]
---@param colour fun(group: string, text: string): string
---@return string[]
local function lines(shown, colour)
  local made = {}
  for number, item in ipairs(shown) do
    local text = ''
    for _, part in ipairs(item.parts) do
      text = text .. colour(part[2], (part[1]:gsub(SEPARATOR, ' ')))
    end
    made[number] = number .. SEPARATOR .. text
  end
  return made
end

---@param shown conexus.Item[]
local function previewer(shown)
  local Previewer = require('fzf-lua.previewer.builtin').base:extend()
  function Previewer:populate_preview_buf(line)
    local item, buffer = item_of(line, shown), self:get_tmp_buffer()
    self:set_preview_buf(buffer)
    preview.show(
      { buffer = buffer, window = self.win.preview_winid },
      item and item.hit,
      item and item.encoding
    )
  end
  return Previewer
end

---@param shown conexus.Item[]
---@return table<string, fun(selected: string[])>
local function actions(shown)
  local function open(command)
    return function(selected)
      items.open(item_of(selected[1], shown), command)
    end
  end
  return {
    enter = open(),
    ['ctrl-s'] = open('split'),
    ['ctrl-v'] = open('vsplit'),
    ['ctrl-t'] = open('tab split'),
    ['ctrl-q'] = function()
      items.list(shown.query, shown)
    end,
    [AGAIN] = { fn = function() end, reload = true },
  }
end

--- Ask again when the index is complete, as long as the terminal that fzf runs in is there.
---@param asked conexus.Question
local function follow(asked)
  local terminal = vim.api.nvim_get_current_buf()
  local job = vim.b[terminal].terminal_job_id
  if not job then
    return -- as in a window of tmux
  end
  asked:follow_incomplete(function()
    vim.fn.chansend(job, AGAIN_SENT)
  end)
  local close = vim.schedule_wrap(function()
    asked:close()
  end)
  vim.api.nvim_create_autocmd('TermClose', { buffer = terminal, once = true, callback = close })
  -- fzf-lua ends fzf itself by deleting its buffer without autocommands.
  vim.api.nvim_buf_attach(terminal, false, { on_detach = close })
end

---@param options? {query?: string} and what fzf-lua's pickers understand
function M.open(options)
  local fzf, asked, shown = require('fzf-lua'), question.new(), {}
  local finish ---@type fun()? ends the lines of the question under way
  local function contents(arguments)
    return function(on_line)
      vim.schedule(function()
        if not asked.watch then
          follow(asked)
        end
        if finish then
          finish()
        end
        finish = on_line
        shown.query = arguments[1] or ''
        asked:ask(shown.query, function(answer)
          finish = nil
          local found = items.of(answer)
          for number = 1, math.max(#shown, #found) do
            shown[number] = found[number]
          end
          for _, line in ipairs(lines(found, fzf.utils.ansi_from_hl)) do
            on_line(line)
          end
          on_line()
        end)
      end)
    end
  end
  local ours = {
    prompt = 'Conexus> ',
    -- With an empty question the reason why there is nothing is a row, too.
    exec_empty_query = true,
    fzf_opts = { ['--delimiter'] = SEPARATOR, ['--with-nth'] = '2..', ['--no-sort'] = true },
    previewer = {
      _ctor = function()
        return previewer(shown)
      end,
    },
    actions = actions(shown),
  }
  return fzf.fzf_live(contents, vim.tbl_deep_extend('force', ours, options or {}))
end

return M
