-- The defaults of vim.lsp.config('conexus'); vim.lsp.enable('conexus') puts them into force.
---@type vim.lsp.Config
return {
  cmd = { 'conexus', 'lsp' },
  -- A file that lies in none of these has no project to search; `:Conexus` then takes the current directory.
  root_markers = { 'conexus.toml', '.git', '.hg', '.jj' },
  workspace_required = true,
  -- No `filetypes`: whatever has text can be searched.
  flags = { debounce_text_changes = 30 },
  handlers = {
    ['conexus/statusChanged'] = function(_, folder, context)
      require('conexus.state').update(folder, context.client_id)
    end,
  },
  on_exit = function(code, signal, client_id)
    vim.schedule(function()
      require('conexus.client').ended(code, signal, client_id)
    end)
  end,
}
