local M = {}

function M.new_buffer_previewer(options)
  return { define_preview = assert(options.define_preview) }
end

return M
