-- A picker's window as small as can be: what is typed in its first line, then rows, one of them chosen.
local Prompt = {}
Prompt.__index = Prompt

--- Open it; `on_change` gets what is typed, `keys` what other keys do, `on_move` is for another row being
--- chosen.
function Prompt.open(on_change, keys, on_move)
  local self = setmetatable({ home = vim.api.nvim_get_current_win(), query = '', chosen = 1 }, Prompt)
  self.buffer = vim.api.nvim_create_buf(false, true)
  vim.bo[self.buffer].bufhidden = 'wipe'
  local function next()
    self.chosen = self.chosen + 1
    on_move()
  end
  local place = { relative = 'editor', row = 0, col = 0, width = 120, height = 30 }
  self.window = vim.api.nvim_open_win(self.buffer, true, place)
  for key, action in
    pairs(vim.tbl_extend('keep', keys, {
      ['<C-c>'] = function()
        self:close()
      end,
      -- As above or below as the plugin has it.
      ['<C-n>'] = next,
      ['<C-p>'] = next,
    }))
  do
    vim.keymap.set('i', key, action, { buffer = self.buffer })
  end
  vim.api.nvim_create_autocmd('TextChangedI', {
    buffer = self.buffer,
    callback = function()
      local query = vim.api.nvim_buf_get_lines(self.buffer, 0, 1, false)[1]
      if query ~= self.query then
        self.query = query
        on_change(query)
      end
    end,
  })
  vim.cmd('startinsert')
  return self
end

function Prompt:show(rows)
  if vim.api.nvim_buf_is_valid(self.buffer) then
    vim.api.nvim_buf_set_lines(self.buffer, 1, -1, false, rows)
  end
end

--- Return a window that shows a buffer, as a plugin's preview does.
function Prompt:preview(buffer)
  if not (self.beside and vim.api.nvim_win_is_valid(self.beside)) then
    local place = { relative = 'editor', row = 31, col = 0, width = 120, height = 5 }
    self.beside = vim.api.nvim_open_win(buffer, false, place)
  end
  vim.api.nvim_win_set_buf(self.beside, buffer)
  return self.beside
end

function Prompt:close()
  vim.cmd('stopinsert')
  for _, window in ipairs({ self.beside, self.window }) do
    pcall(vim.api.nvim_win_close, window, true)
  end
  vim.api.nvim_set_current_win(self.home)
end

return Prompt
