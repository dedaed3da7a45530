-- A misspelt global is nil, and a hook that uses one fails when its first message comes.

local workshop = require "support.workshop"

local task = workshop.task

local HEAD = 'local watchbot = require "watchbot"\n'
local POLICY = HEAD
  .. 'local policy = watchbot.policy { queue = "sqlite:j.db", command = "true" }\n'

-- => lines of advice about globals, as text
local function advice(folder, source, modules)
  for name, text in pairs(modules or {}) do folder:write(name, text) end
  folder:write("policy.lua", source)
  local exit, out, err = workshop.run(folder, { "check", "policy.lua" })
  assert.are.equal(0, exit.code, err)
  local lines = {}
  for line in out:gmatch "advice +([^\n]*global[^\n]*)" do lines[#lines + 1] = line end
  return table.concat(lines, "\n")
end

local function hooked(body) return POLICY .. body .. "\nreturn policy\n" end

local function many(count, word)
  local lines = {}
  for index = 1, count do lines[index] = word:format(index) end
  return table.concat(lines, "\n")
end

describe("policy.globals", function()
  it("finds misspelt names in hooks and in functions inside them", task(function(folder)
    assert.are.equal("unknown global 'prnit' in policy.lua:4; did you mean 'print'?\n"
      .. "unknown global 'jbo' in policy.lua:6; did you mean 'job'?\n"
      .. "unknown global 'math.flor' in policy.lua:7; did you mean 'math.floor'?\n"
      .. "unknown global 'frobnicate' in policy.lua:8",
      advice(folder, hooked [[
function policy:backoff(job)
  prnit(job.id)
  return (function()
    if jbo then return 1 end
    return math.flor(job.receives)
      + frobnicate(job) + frobnicate(job)
  end)()
end]]))
  end))

  -- `cuont = count + 1`: the local stays as it was, and all jobs share the global.
  it("finds what a function sets and nothing reads", task(function(folder)
    assert.are.equal("global 'cuont' is set in policy.lua:5, and nothing reads it; did you mean "
      .. "'count'?\nglobal 'until_seconds' is set in policy.lua:6, and nothing reads it; write: "
      .. "local until_seconds", advice(folder, hooked [[
local count = 0
function policy:start()
  cuont = count + 1
  until_seconds = 5
  started = true
end
function policy:stop() return started end
VERSION = 4]]))
    assert.are.equal("", advice(folder, hooked [[
function policy:start() begun = 1 end
function policy:stop() return _G.begun end]]))
  end))

  it("finds a local that is declared below, and a module that was not required", task(
    function(folder)
      assert.are.equal("unknown global 'later' in policy.lua:3; the local 'later' is declared "
        .. "below this line, or in another block", advice(folder, hooked [[
function policy:start() later() end
local function later() end
function policy:stop() later() end]]))
      assert.are.equal('unknown global \'watchbot\' in policy.lua:2; write: local watchbot = '
        .. 'require "watchbot"', advice(folder, [[
local policy = require("watchbot").policy { queue = "sqlite:j.db", command = "true" }
function policy:start() watchbot.sleep(1) end
return policy]]))
    end))

  it("says nothing of globals that are set anywhere, or asked for", task(function(folder)
    assert.are.equal("", advice(folder, hooked [[
require "settings"
LIMIT = 3
local unpack = table.unpack or unpack
local jit = jit
if jit then error "not Lua" end
function policy:start()
  counter = (counter or 0) + 1
  function helper() return counter end
  if not DEBUG then print(LIMIT, FROM_MODULE, unpack {}) end
  if TRACE ~= nil or type(_G) ~= "table" then return end
end
function policy:stop() helper(); in_module() end]],
      { ["settings.lua"] = "FROM_MODULE = 1; return function() in_module = print end" }))
  end))

  it("says nothing where names are computed, or another environment is used", task(
    function(folder)
      assert.are.equal("", advice(folder, hooked [[
for _, name in ipairs { "alpha", "beta" } do _G[name .. ""] = 1 end
_G.gamma = 2
function policy:start() return alpha, beta, gamma end
function policy:stop() _G.delta = 1; return delta end
function policy:failed()
  local _ENV = { any = print }
  any(whatever, function() return nothing end)
end]]))
      assert.are.equal("", advice(folder, hooked [[
setmetatable(_G, { __index = function(_, name) if name == "magic" then return 1 end end })
function policy:start() return magic end]]))
    end))

  -- An instruction has eight bits for the name: with more constants, names are loaded by others.
  it("finds them in a function with hundreds of constants", task(function(folder)
    local constants = many(300, "t = 'c%d' .. tostring(1)")
    assert.are.equal("unknown global 'farr' in policy.lua:305; did you mean 'far'?",
      advice(folder, hooked("function policy:start()\n local t\n" .. constants
        .. "\nfarr(1); far = 2; far2 = far .. t\n return far2\nend")))
  end))

  it("names the file of a module of the policy's folder", task(function(folder)
    assert.are.equal("unknown global 'fcator' in helper.lua:2; did you mean 'factor'?",
      advice(folder, hooked 'require "helper"',
        { ["helper.lua"] = "local factor = 2\nreturn function() return fcator, factor end" }))
  end))

  -- `workers` was not set, and nothing said why.
  it("finds a global that is read before it is set", task(function(folder)
    assert.are.equal("global 'LIMIT' is read in policy.lua:3 before it is set", advice(folder,
      hooked "policy.workers = LIMIT\nLIMIT = 4"))
    assert.are.equal("", advice(folder, hooked "LIMIT = LIMIT or 4\npolicy.workers = LIMIT"))
  end))

  it("names the known name where a misspelt one ends the load, in every command", task(
    function(folder)
      for source, words in pairs {
        [HEAD .. "prnit 'x'"] = "policy.lua:2: .*global 'prnit'.*; did you mean 'print'%?",
        ["return watchbot.policy {}"] = "policy.lua:1: .*; write: local watchbot = require",
        [HEAD .. "return watchbot.policy { queue = QUEUE, command = 'true' }"] =
          "no queue: .*; unknown global 'QUEUE' in policy.lua:2",
      } do
        folder:write("policy.lua", source)
        local exit, _, err = workshop.run(folder, { "check", "policy.lua" })
        assert.are.equal(2, exit.code)
        assert.matches(words, err)
      end
      folder:write("policy.lua", HEAD .. "prnit 'x'")
      for _, words in ipairs { { "run", "policy.lua" }, { "test", "policy.lua" } } do
        local _, _, err = workshop.run(folder, words)
        assert.matches("did you mean 'print'%?", err)
      end
    end))
end)
