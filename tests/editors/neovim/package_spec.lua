-- The two ways to install the plugin that docs/neovim.md shows.
local Child = require('child')

local root = Child.project('package', require('shop'))
local plugin = assert(vim.env.SPEC_PLUGIN)

--- Return a Neovim with nothing but what a user's own init.lua says.
local function with(init)
  local path = assert(vim.env.SPEC_DIRECTORY) .. '/init.lua'
  vim.fn.writefile(vim.split(init, '\n'), path)
  local command = { vim.v.progpath, '-u', path, '--headless', '--embed', '-n' }
  return Child.of(vim.fn.jobstart(command, { rpc = true, cwd = root }), root)
end

local function works(nvim)
  nvim:edit('shop/mail.py')
  nvim:wait('return #vim.lsp.get_clients({ name = "conexus", bufnr = 0 }) == 1')
  nvim:settle()
  same(nvim:list('Conexus search parse_barcode').items[1].path, 'windows/legacy.c')
  same(nvim:lua('return vim.fn.exists(":Conexus")'), 2)
end

it('as a native package: a link below pack/*/start, and enabling it', function()
  local start = vim.fn.stdpath('data') .. '/site/pack/conexus/start'
  vim.fn.mkdir(start, 'p')
  assert(vim.uv.fs_symlink(plugin, start .. '/conexus'))
  works(with('vim.lsp.enable("conexus")'))
  os.remove(start .. '/conexus')
end)

it('as a plugin manager does: the folder on the runtime path after start-up, then its command', function()
  works(with(([[
    vim.api.nvim_create_autocmd('VimEnter', {
      callback = function()
        vim.opt.rtp:append(%q)
        vim.cmd.runtime('plugin/conexus.lua')
        vim.lsp.enable('conexus')
      end,
    })
  ]]):format(plugin)))
end)

it('the root of the repository is no plugin', function()
  local repository = vim.fs.dirname(vim.fs.dirname(plugin))
  for _, folder in ipairs({ 'lua', 'plugin', 'lsp', 'doc' }) do
    same({ folder, (vim.uv.fs_stat(vim.fs.joinpath(repository, folder))) }, { folder })
  end
end)
