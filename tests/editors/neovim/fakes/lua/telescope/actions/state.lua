local fake = require('telescope.fake')
local M = {}

function M.get_current_picker()
  return fake.picker
end

function M.get_selected_entry()
  return fake.picker:get_selection()
end

return M
