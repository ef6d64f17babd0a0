--- Live search: answers while one types, in the server's order, with a preview.
local panes = require('conexus.panes')
local place = require('conexus.place')
local preview = require('conexus.preview')
local question = require('conexus.question')
local rows = require('conexus.rows')

local M = {}

local DEBOUNCE_MS = 40
-- The most that names and paths take of the list: in cells, and as a part of its width.
local NAME_CELLS, NAME_PART, PATH_CELLS, PATH_PART = 36, 0.3, 48, 0.4
local namespace = vim.api.nvim_create_namespace('conexus.live')

---@class conexus.Live
---@field panes conexus.Panes
---@field home integer window to return to
---@field hits conexus.Hit[]
---@field remarks string[]
---@field selected integer 1-based; 0 without hits
---@field encoding string
---@field query string
---@field question conexus.Question
---@field timer uv.uv_timer_t
local Live = {}
Live.__index = Live

--- Open live search.
---@param query? string
function M.open(query)
  -- Both are of where the user is now, which is no longer so once the panes are open.
  local home, asked = vim.api.nvim_get_current_win(), question.new()
  local self = setmetatable({
    home = home,
    question = asked,
    panes = panes.open(),
    hits = {},
    remarks = {},
    selected = 0,
    encoding = 'utf-8',
    query = '',
    timer = assert(vim.uv.new_timer()),
  }, Live)
  self:watch()
  self:map()
  if query then
    vim.api.nvim_buf_set_lines(self.panes.prompt.buffer, 0, -1, false, { query })
    self.query = query
  end
  self:ask()
  vim.cmd('startinsert!')
end

--- Follow the prompt, the index and the screen.
function Live:watch()
  local group = vim.api.nvim_create_augroup('conexus.live', {})
  local function on(event, options, callback)
    options.group, options.callback = group, callback
    vim.api.nvim_create_autocmd(event, options)
  end
  local prompt = self.panes.prompt.buffer
  on({ 'TextChangedI', 'TextChangedP', 'TextChanged' }, { buffer = prompt }, function()
    self:changed()
  end)
  on('BufLeave', { buffer = prompt }, function()
    -- The mouse went elsewhere.
    vim.cmd('stopinsert')
    self:close()
  end)
  on('VimResized', {}, function()
    panes.fit(self.panes)
    self:draw()
  end)
  self.question:follow(function()
    if self.query ~= '' then
      self:later()
    end
  end)
end

function Live:map()
  local function key(keys, action)
    for _, one in ipairs(keys) do
      vim.keymap.set({ 'i', 'n' }, one, action, { buffer = self.panes.prompt.buffer, nowait = true })
    end
  end
  local function open(command)
    return function()
      self:open(command)
    end
  end
  local function move(by)
    return function()
      self:select(self.selected + by)
    end
  end
  local function scroll(lines)
    return function()
      vim.api.nvim_win_call(self.panes.preview.window, function()
        vim.cmd('normal! ' .. vim.keycode(lines))
      end)
    end
  end
  key({ '<CR>' }, open(nil))
  key({ '<C-x>' }, open('split'))
  key({ '<C-v>' }, open('vsplit'))
  key({ '<C-t>' }, open('tab split'))
  key({ '<Down>', '<C-n>' }, move(1))
  key({ '<Up>', '<C-p>' }, move(-1))
  key({ '<PageDown>' }, move(10))
  key({ '<PageUp>' }, move(-10))
  key({ '<C-f>' }, scroll('<C-d>'))
  key({ '<C-b>' }, scroll('<C-u>'))
  key({ '<Esc>', '<C-c>' }, function()
    self:leave()
  end)
  key({ '<C-q>' }, function()
    self:list()
  end)
  -- In a prompt it begins a window command, and people mean to take a word back.
  vim.keymap.set('i', '<C-w>', '<C-S-w>', { buffer = self.panes.prompt.buffer })
end

--- The user typed: what was asked before is of no use any more.
function Live:changed()
  local query = vim.api.nvim_buf_get_lines(self.panes.prompt.buffer, 0, 1, false)[1] or ''
  if query == self.query then
    return
  end
  self.query = query
  self.question:drop()
  self:later()
end

function Live:later()
  self.timer:start(DEBOUNCE_MS, 0, function()
    vim.schedule(function()
      self:ask()
    end)
  end)
end

function Live:ask()
  if not self.timer then
    return
  end
  self.question:ask(self.query, function(answer)
    if self.timer then
      self:show(answer)
    end
  end)
end

--- Show an answer; the selection stays on the hit it was on, if that was chosen by hand.
---@param answer conexus.Answer
function Live:show(answer)
  local before = self.selected > 1 and self.hits[self.selected] or nil
  local hits = answer.hits
  self.hits, self.remarks, self.encoding = hits, answer.remarks, answer.encoding
  self.selected = #hits > 0 and 1 or 0
  if before then
    self.selected = question.place(before, hits) or self.selected
  end
  self:draw()
end

--- Return the text in exactly `width` cells: padded, or cut at its end, or at its front.
---@param text string
---@param width integer
---@param front? boolean
---@return string
local function fitted(text, width, front)
  local missing, part = width - vim.api.nvim_strwidth(text) ---@type integer, string?
  if missing >= 0 then
    return text .. (' '):rep(missing)
  end
  -- At most one character a cell fits beside the ellipsis, and of most texts just as many.
  local kept, length = math.max(width, 1), vim.fn.strchars(text)
  repeat
    kept = kept - 1
    part = vim.fn.strcharpart(text, front and length - kept or 0, kept)
    missing = width - 1 - vim.api.nvim_strwidth(part)
  until missing >= 0 or kept == 0
  return (front and '…' .. part or part .. '…') .. (' '):rep(missing)
end

--- Return how wide the longest cell is, at most `most`.
---@param cells string[]
---@param most integer
---@return integer
local function widest(cells, most)
  local widths = vim.tbl_map(vim.api.nvim_strwidth, cells)
  return math.min(math.max(0, unpack(widths)), most)
end

--- Return the lines of the list and their highlights. Hits come first, so that they stay in place when a
--- remark comes or goes.
---@return string[] lines
---@return {[1]: integer, [2]: integer, [3]: integer, [4]: string}[] marks row, first and last byte, group
function Live:lines()
  local width = vim.api.nvim_win_get_width(self.panes.list.window)
  local names, paths = vim.tbl_map(rows.name, self.hits), vim.tbl_map(rows.where, self.hits)
  local name_width = widest(names, math.min(NAME_CELLS, math.floor(width * NAME_PART)))
  local path_width = widest(paths, math.min(PATH_CELLS, math.floor(width * PATH_PART)))
  local lines, marks = {}, {}
  for number, hit in ipairs(self.hits) do
    local name, path = fitted(names[number], name_width), fitted(paths[number], path_width, true)
    local kind, place_at = #names[number] - #hit.kind, #name + 2
    local excerpt_at = place_at + #path + 2
    lines[number] = name .. '  ' .. path .. '  ' .. rows.glimpse(hit)
    vim.list_extend(marks, {
      { number - 1, 0, math.min(kind, #name), 'ConexusSymbol' },
      { number - 1, math.min(kind, #name), #name, 'ConexusKind' },
      { number - 1, place_at, place_at + #path, 'ConexusPath' },
      { number - 1, excerpt_at, #lines[number], 'ConexusExcerpt' },
    })
  end
  for _, remark in ipairs(self.remarks) do
    lines[#lines + 1] = (remark:gsub('%c', ' '))
    marks[#marks + 1] = { #lines - 1, 0, #lines[#lines], 'ConexusRemark' }
  end
  return lines, marks
end

--- Write the list.
function Live:draw()
  local lines, marks = self:lines()
  local list = self.panes.list
  panes.write(list, lines)
  for _, mark in ipairs(marks) do
    local options = { end_col = mark[3], hl_group = mark[4] }
    vim.api.nvim_buf_set_extmark(list.buffer, namespace, mark[1], mark[2], options)
  end
  self:select(self.selected)
end

--- Move to a hit and preview it.
---@param number integer
function Live:select(number)
  self.selected = math.min(math.max(number, math.min(#self.hits, 1)), #self.hits)
  vim.api.nvim_win_set_cursor(self.panes.list.window, { math.max(self.selected, 1), 0 })
  local hit = self.hits[self.selected]
  local title = ' ' .. (hit and hit.path or 'preview') .. ' '
  vim.api.nvim_win_set_config(self.panes.preview.window, { title = title })
  preview.show(self.panes.preview, hit, self.encoding)
end

--- Close and go to the selected hit, in a new window if a command to make one is given.
---@param command? string
function Live:open(command)
  local hit, encoding = self.hits[self.selected], self.encoding
  if not hit then
    return
  end
  self:leave(function()
    place.open(hit, encoding, command)
  end)
end

--- Close and put all hits into the quickfix list.
function Live:list()
  local hits, encoding, query = self.hits, self.encoding, self.query
  if #hits > 0 then
    self:leave(function()
      require('conexus.lists').fill(query, hits, encoding)
    end)
  end
end

--- End typing, then close, then go on. Insert mode must end in the prompt: ending it elsewhere would move the
--- cursor there.
---@param go_on? fun()
function Live:leave(go_on)
  local function finish()
    self:close()
    if go_on then
      go_on()
    end
  end
  if not vim.startswith(vim.api.nvim_get_mode().mode, 'i') then
    return finish()
  end
  vim.api.nvim_create_autocmd('InsertLeave', {
    buffer = self.panes.prompt.buffer,
    once = true,
    callback = vim.schedule_wrap(finish),
  })
  vim.cmd('stopinsert')
end

--- Close and return to where the user was.
function Live:close()
  if not self.timer then
    return
  end
  self.question:close()
  self.timer:close()
  self.timer = nil
  vim.api.nvim_del_augroup_by_name('conexus.live')
  panes.close(self.panes)
  if vim.api.nvim_win_is_valid(self.home) then
    vim.api.nvim_set_current_win(self.home)
  end
end

return M
