--- The highlight groups, each a link that a colour scheme or a user may set otherwise.
local M = {}

---@type table<string, string>
local LINKS = {
  ConexusSymbol = 'Function',
  ConexusKind = 'Comment',
  ConexusPath = 'Directory',
  -- Without a background of its own, which would hide that of the selected row.
  ConexusExcerpt = '@variable',
  ConexusRemark = 'WarningMsg',
  ConexusMatch = 'Visual',
  ConexusFocus = 'CurSearch',
}

--- Define those that are not defined yet. A change of the colour scheme clears them.
function M.define()
  for name, link in pairs(LINKS) do
    vim.api.nvim_set_hl(0, name, { link = link, default = true })
  end
end

return M
