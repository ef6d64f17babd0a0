local fake = require('telescope.fake')
local M = {}

function M.close()
  fake.picker.prompt:close()
  fake.picker.finder:close()
end

return M
