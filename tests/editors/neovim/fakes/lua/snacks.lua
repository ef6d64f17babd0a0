-- A fake of snacks.picker: a finder is a function of its options and a context that returns a function,
-- which runs as a coroutine outside of the main loop, where most of Neovim's functions may not be called.
local M = { picker = {} }

local Task = {}
Task.__index = Task

function Task:on(event, callback)
  self.events[event] = callback
end

function Task:suspend()
  coroutine.yield()
  if self.aborted then
    error('aborted')
  end
end

function Task:resume()
  local timer = assert(vim.uv.new_timer())
  timer:start(1, 0, function()
    timer:close()
    if coroutine.status(self.thread) == 'suspended' then
      local ok, problem = coroutine.resume(self.thread)
      assert(ok or self.aborted, problem)
    end
  end)
end

function Task:abort()
  self.aborted = true
  if coroutine.status(self.thread) == 'suspended' and self.events.abort then
    self.events.abort()
    self:resume()
  end
end

local Picker = {}
Picker.__index = Picker

function Picker:items()
  return self.found
end

function Picker:current()
  return self.found[self.prompt.chosen]
end

function Picker:find()
  self:search(self.filter.search)
end

function Picker:close()
  self.options.on_close(self)
  M.picker.open = nil
  self.task:abort()
  self.prompt:close()
end

function Picker:draw()
  local rows = vim.tbl_map(function(item)
    local text = ''
    for _, part in ipairs(self.options.format(item, self)) do
      text = text .. part[1]
    end
    return text
  end, self.found)
  self.prompt:show(rows)
  local buffer = vim.api.nvim_create_buf(false, true)
  local function scratch()
    return buffer
  end
  self.options.preview({
    item = self:current(),
    win = self.prompt:preview(buffer),
    preview = { scratch = scratch },
  })
end

function Picker:search(text)
  if self.task then
    self.task:abort()
  end
  local task = setmetatable({ events = {} }, Task)
  local found = {}
  self.filter = { search = text }
  local find = self.options.finder(self.options, { async = task, filter = self.filter, picker = self })
  -- The list is empty until there are items, and what is found at a target is chosen then.
  self.target = nil
  self.list = {
    set_target = function(_, target)
      self.target = target
    end,
  }
  task.thread = coroutine.create(function()
    find(function(item)
      assert(not task.aborted, 'the finder yielded after it was done')
      item.idx = #found + 1
      table.insert(found, item)
    end)
    self.found = found
    vim.schedule(function()
      self.prompt.chosen = self.target or 1
      self:draw()
    end)
  end)
  self.task, self.found = task, {}
  task:resume()
end

function M.setup() end

function M.picker.get()
  return { M.picker.open }
end

function M.picker.pick(options)
  -- Only a live picker hands what is typed to its finder; it sorts by the fields it is told to.
  assert(options.live and options.supports_live and options.sort.fields[1] == 'idx')
  local self = setmetatable({ options = options, found = {} }, Picker)
  local function confirm(command)
    return function()
      options.confirm(self, self:current(), { cmd = command })
    end
  end
  local keys = { ['<CR>'] = confirm(), ['<C-v>'] = confirm('vsplit'), ['<C-s>'] = confirm('split') }
  keys['<C-c>'] = function()
    self:close()
  end
  self.prompt = require('fake_prompt').open(
    function(query)
      self:search(query)
    end,
    keys,
    function()
      self:draw()
    end
  )
  M.picker.open = self
  self:search(options.search or '')
end

_G.Snacks = M

return M
