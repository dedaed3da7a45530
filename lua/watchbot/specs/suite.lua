--- specs.suite: describe, it and what belongs to them: a file declares a tree, then its tests run.
-- What busted has and this has not is an error with its name.

local asserts = require "watchbot.specs.asserts"

---@class watchbot.SpecResult
---@field name string with the names around it
---@field file string
---@field status "success"|"failure"|"pending"
---@field err string? with file and line
---@field seconds number

local suite = {}

local AROUND = { "setup", "teardown", "before_each", "after_each" }

-- Of busted, and not here; the last four only in a program that was built without luassert.
local ABSENT = {
  "insulate", "expose", "randomize", "async", "done", "spy", "stub", "mock", "match",
}

local Pending = {}

local function new(name, parent)
  local block = { name = name, parent = parent, children = {} }
  for _, kind in ipairs(AROUND) do block[kind] = {} end
  return block
end

-- The environment of a spec file, which declares into `state.block`.
local function environment_of(state)
  local own = asserts.globals()
  function own.describe(name, body)
    local block = new(name, state.block)
    table.insert(state.block.children, block)
    state.block = block
    body()
    state.block = block.parent
  end
  function own.it(name, body)
    table.insert(state.block.children, { name = name, body = body, parent = state.block })
  end
  function own.pending(name)
    if state.running then error(setmetatable({ name }, Pending), 0) end
    own.it(name, function() own.pending(name) end)
  end
  function own.finally(body) table.insert(state.finally, body) end
  for _, kind in ipairs(AROUND) do
    own[kind] = function(body) table.insert(state.block[kind], body) end
  end
  own.context, own.test, own.spec = own.describe, own.it, own.it
  own.lazy_setup, own.lazy_teardown = own.setup, own.teardown
  for _, name in ipairs(ABSENT) do
    local function refuse()
      error(("%s is not in `watchbot test --spec`: run this spec with busted"):format(name), 2)
    end
    own[name] = own[name] or setmetatable({}, { __index = refuse, __call = refuse })
  end
  -- The globals of the file are not those of this module: see lib/apart.lua.
  local globals = package.loaded._G
  return setmetatable(own, { __index = globals, __newindex = globals })
end

local function failed(err)
  if getmetatable(err) == Pending then return err end
  return debug.traceback(tostring(err), 2)
end

local function call_all(bodies)
  for _, body in ipairs(bodies) do
    local ok, err = xpcall(body, failed)
    if not ok then return err end
  end
end

-- From the outermost block to the innermost.
local function begin(block)
  local err = block.parent and begin(block.parent)
  return err or call_all(block.before_each)
end

local function finish(block)
  local err = call_all(block.after_each)
  return (block.parent and finish(block.parent)) or err
end

local function name_of(node)
  local above = node.parent and node.parent.name and name_of(node.parent)
  return above and above .. " " .. node.name or node.name
end

local function run_test(state, test, report)
  local began, snapshot = os.clock(), asserts.snapshot()
  state.finally = {}
  local err = begin(test.parent)
  if not err then
    local ok, raised = xpcall(test.body, failed)
    err = not ok and raised or nil
  end
  local after = call_all(state.finally)
  after = finish(test.parent) or after
  snapshot:revert()
  local is_pending = getmetatable(err) == Pending
  err = is_pending and not after and err or not is_pending and err or after
  report {
    name = name_of(test), file = state.file, seconds = os.clock() - began,
    status = getmetatable(err) == Pending and "pending" or err and "failure" or "success",
    err = err and (getmetatable(err) == Pending and tostring(err[1]) or err) or nil,
  }
end

local function run_block(state, block, report)
  local err = call_all(block.setup)
  for _, child in ipairs(err and {} or block.children) do
    if child.body then run_test(state, child, report) else run_block(state, child, report) end
  end
  err = err or call_all(block.teardown)
  if err then
    report { name = block.name or state.file, file = state.file, status = "failure", seconds = 0,
      err = tostring(err) }
  end
end

--- Runs a spec file.
---@param path string
---@param report fun(result: watchbot.SpecResult)
function suite.run(path, report)
  local state = { file = path, block = new(nil, nil) }
  local chunk, err = loadfile(path, "t", environment_of(state))
  local ok = chunk ~= nil
  if chunk then ok, err = xpcall(chunk, failed) end
  if not ok then
    return report { name = path, file = path, status = "failure", seconds = 0,
      err = tostring(err) }
  end
  state.running = true
  run_block(state, state.block, report)
end

return suite
