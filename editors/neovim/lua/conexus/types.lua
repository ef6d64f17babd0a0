--- The shapes of docs/protocol.md that the client reads. There is nothing to require here.
---@meta _

---@class conexus.Hit
---@field uri string
---@field range lsp.Range
---@field focus lsp.Range the line to go to
---@field folder string
---@field path string of the file, relative to its folder
---@field excerpt string the text of the range
---@field symbol string
---@field kind string
---@field language string
---@field score number
---@field reasons string[]
---@field version? integer

---@class conexus.Symbol
---@field name string
---@field kind string
---@field container string
---@field uri string
---@field range lsp.Range
---@field focus lsp.Range the line with the name
---@field folder string
---@field score number
---@field version? integer

---@class conexus.Completeness
---@field complete boolean
---@field files integer
---@field pending integer
---@field percent integer
---@field phase 'ready'|'scanning'|'indexing'|'paused'|'failed'

---@class conexus.SearchResult
---@field hits conexus.Hit[]
---@field revision integer
---@field completeness conexus.Completeness
---@field notes string[]
---@field milliseconds number

---@class conexus.SymbolsResult
---@field symbols conexus.Symbol[]
---@field revision integer
---@field completeness conexus.Completeness

---@class conexus.Folder
---@field folder string
---@field phase 'ready'|'scanning'|'indexing'|'paused'|'failed'
---@field files integer
---@field chunks integer
---@field symbols integer
---@field pending integer
---@field percent integer
---@field languages table<string, integer>
---@field skipped table<string, integer>
---@field problems string[]
---@field model string
---@field bytes table<string, integer>
---@field watching string
---@field directory string

---@class conexus.Status
---@field version string
---@field pid integer
---@field memory integer
---@field fronts integer
---@field folders conexus.Folder[]
