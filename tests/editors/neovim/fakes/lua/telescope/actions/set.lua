local fake = require('telescope.fake')

return {
  select = {
    replace = function(_, action)
      fake.select = action
    end,
  },
}
