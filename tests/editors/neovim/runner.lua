-- Runs one spec: nvim --clean --headless -l runner.lua SPEC.   Exit status 0 = all passed.
-- The specs are busted's, and Debian's busted runs them in Neovim's own Lua; where it is not installed, what
-- little of it they need is here. What a spec gives to `after_all` runs in any case.
local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
local arch = jit.arch == 'arm64' and 'aarch64' or 'x86_64'
package.path = here .. '/?.lua;' .. package.path .. ';/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua'
package.cpath = package.cpath .. (';/usr/lib/%s-linux-gnu/lua/5.1/?.so'):format(arch)

local endings = {}

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

--- Return whether a test passed; say so.
local function run(name, test)
  local ok, trouble = xpcall(test, debug.traceback)
  io.write(('%s %s\n%s'):format(ok and 'ok' or 'not ok', name, ok and '' or tostring(trouble) .. '\n'))
  return ok
end

--- Return whether all tests of the spec pass in busted.
local function in_busted(busted)
  -- It leaves Lua 5.1 by error(nil) when a test failed.
  local ok, trouble = pcall(busted, { standalone = false, output = 'TAP' })
  if not ok and trouble ~= nil then
    io.write(tostring(trouble), '\n')
  end
  return ok
end

--- Return whether all tests of the spec pass, one after the other.
local function without_busted()
  local tests, passed = {}, 0
  function _G.it(name, test)
    tests[#tests + 1] = { name = name, test = test }
  end
  local loaded = run('loads', assert(loadfile(arg[1])))
  for _, one in ipairs(tests) do
    passed = passed + (run(one.name, one.test) and 1 or 0)
  end
  io.write(('1..%d\n%d passed\n'):format(#tests, passed))
  return loaded and #tests > 0 and passed == #tests
end

local found, busted = pcall(require, 'busted.runner')
local good = found and in_busted(busted) or not found and without_busted()
for _, ending in ipairs(endings) do
  good = run('ends', ending) and good
end
io.flush()
os.exit(good and 0 or 1)
