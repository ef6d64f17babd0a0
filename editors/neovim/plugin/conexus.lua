-- One command. Nothing of the plugin is loaded before it is used.
if vim.g.loaded_conexus then
  return
end
vim.g.loaded_conexus = true

if vim.fn.has('nvim-0.11') == 0 then
  vim.notify('Conexus: Neovim 0.11 or newer is needed', vim.log.levels.ERROR)
  return
end

vim.api.nvim_create_user_command('Conexus', function(command)
  require('conexus.command').run(command)
end, {
  nargs = '*',
  range = true,
  bang = true,
  desc = 'Search code by meaning',
  complete = function(lead, line)
    return require('conexus.command').complete(lead, line)
  end,
})
