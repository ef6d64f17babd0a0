-- Runs one spec: nvim --clean --headless -l runner.lua SPEC.   Exit status 0 = all passed.
-- A spec is a Lua file that calls `it(name, test)`; what it gives to `after_all` runs in any case.
local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
package.path = here .. '/?.lua;' .. package.path

local tests, endings, failed = {}, {}, 0

function _G.it(name, test)
  tests[#tests + 1] = { name = name, test = test }
end

function _G.after_all(ending)
  table.insert(endings, 1, ending)
end

--- Fail unless both are the same, whatever they are.
function _G.same(got, expected)
  if not vim.deep_equal(got, expected) then
    error(('got %s\nexpected %s'):format(vim.inspect(got), vim.inspect(expected)), 2)
  end
end

--- Fail unless `text` contains `part`.
function _G.contains(text, part)
  if not (type(text) == 'string' and text:find(part, 1, true)) then
    error(('got %s\nexpected it to contain %s'):format(vim.inspect(text), vim.inspect(part)), 2)
  end
end

local function run(name, test)
  local ok, trouble = xpcall(test, debug.traceback)
  failed = failed + (ok and 0 or 1)
  io.write(('%s %s\n%s'):format(ok and 'ok  ' or 'FAIL', name, ok and '' or tostring(trouble) .. '\n'))
end

run('loads', assert(loadfile(arg[1])))
for _, one in ipairs(tests) do
  run(one.name, one.test)
end
for _, ending in ipairs(endings) do
  run('ends', ending)
end
io.write(('%d passed, %d failed\n'):format(#tests - failed, failed))
os.exit((failed == 0 and #tests > 0) and 0 or 1)
