-- A fake of telescope.nvim: `:Telescope NAME` opens what an extension of that name exports under its name.
local M = { extensions = {} }

function M.register_extension(module)
  return module
end

function M.load_extension(name)
  M.extensions[name] = require('telescope._extensions.' .. name).exports
end

vim.api.nvim_create_user_command('Telescope', function(command)
  M.extensions[command.args][command.args]()
end, { nargs = 1 })

return M
