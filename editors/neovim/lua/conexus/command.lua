--- The subcommands of `:Conexus`.
local M = {}

---@class conexus.Invocation
---@field rest string what follows the subcommand
---@field command vim.api.keyset.create_user_command.command_args
---@field list conexus.ListOptions

--- Ask for something that is acknowledged, and say so.
---@param method string
---@param done string
---@param params? table
local function tell(method, done, params)
  local client = require('conexus.client')
  client.ask(method, params or vim.empty_dict(), function(problem)
    client.say(problem or done, problem and vim.log.levels.ERROR or nil)
  end)
end

---@type table<string, fun(given: conexus.Invocation)>
local subcommands = {
  search = function(given)
    if given.rest == '' then
      return require('conexus.live').open()
    end
    require('conexus.lists').search(given.rest, given.list)
  end,
  similar = function(given)
    require('conexus.lists').similar(given.command.line1, given.command.line2, given.list)
  end,
  related = function(given)
    require('conexus.lists').related(given.command.range > 0 and given.command.line1 or nil, given.list)
  end,
  symbols = function(given)
    require('conexus.lists').symbols(given.rest ~= '' and given.rest or nil, given.list)
  end,
  status = function()
    require('conexus.report').status()
  end,
  reindex = function(given)
    local fresh = given.command.bang
    local done = fresh and 'the index is built anew' or 'every file is compared with the index'
    tell('conexus/reindex', done, { fresh = fresh })
  end,
  pause = function()
    tell('conexus/pause', 'indexing is paused; open buffers stay searchable')
  end,
  resume = function()
    tell('conexus/resume', 'indexing goes on')
  end,
  log = function()
    require('conexus.report').log()
  end,
  restart = function()
    require('conexus.client').restart()
  end,
}

--- Run `:Conexus …`.
---@param command vim.api.keyset.create_user_command.command_args
function M.run(command)
  local name, rest = command.args:match('^(%S*)%s*(.-)%s*$')
  if name == '' then
    return require('conexus.live').open()
  end
  local subcommand = subcommands[name]
  if not subcommand then
    local known = table.concat(M.complete('', 'Conexus '), ', ')
    local said = ('there is no :Conexus %s; there are %s'):format(name, known)
    return require('conexus.client').say(said, vim.log.levels.ERROR)
  end
  subcommand({ rest = rest, command = command, list = { loclist = command.bang } })
end

--- Return the subcommands that begin like `lead`.
---@param lead string
---@param line string the command line
---@return string[]
function M.complete(lead, line)
  -- Only the first word is one of ours; what follows is the user's question.
  if line:match('Conexus!?%s+%S+%s') then
    return {}
  end
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, vim.tbl_keys(subcommands))
  table.sort(names)
  return names
end

return M
