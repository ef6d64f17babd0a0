-- `:Telescope conexus`, after `require('telescope').load_extension('conexus')`.
return require('telescope').register_extension({
  exports = {
    conexus = function(options)
      require('conexus.pickers.telescope').open(options)
    end,
  },
})
