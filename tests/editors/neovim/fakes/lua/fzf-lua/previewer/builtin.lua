local Base = {}

function Base:extend()
  return setmetatable({}, { __index = self })
end

function Base.get_tmp_buffer()
  return vim.api.nvim_create_buf(false, true)
end

function Base:set_preview_buf(buffer)
  self.win.preview_winid = self.prompt:preview(buffer)
end

return { base = Base }
