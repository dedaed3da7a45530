--- specs.asserts: the assertions of luassert that specs of policies use, for a machine without it:
-- `assert.are.equal(expected, passed)`, `assert.is_nil(x)`, `assert.has_no.errors(f)`. The program
-- carries luassert, which is used instead; these are for a program that was built without it. An
-- assertion that is not here says so.

local shown = require "watchbot.specs.shown"

local asserts = {}

local function same(one, other, depth)
  if one == other then return true end
  if type(one) ~= "table" or type(other) ~= "table" or depth > 50 then return false end
  for key, value in pairs(one) do
    if not same(value, other[key], depth + 1) then return false end
  end
  for key in pairs(other) do
    if one[key] == nil then return false end
  end
  return true
end

local function raised(body)
  local ok, err = pcall(body)
  return not ok, err
end

-- Each returns whether it holds, and what to say: "expected X, got Y".
local known = {}

function known.equal(expected, passed)
  return expected == passed, ("expected %s, got %s"):format(shown(expected), shown(passed))
end

function known.same(expected, passed)
  return same(expected, passed, 0), ("expected %s, got %s"):format(shown(expected), shown(passed))
end

function known.match(pattern, text, init, plain)
  return type(text) == "string" and text:find(pattern, init, plain) ~= nil,
    ("expected a text that matches %s, got %s"):format(shown(pattern), shown(text))
end

function known.error(body, expected)
  local failed, err = raised(body)
  if not failed then return false, "expected an error, got none" end
  return expected == nil or same(expected, err, 0)
    or type(err) == "string" and err:gsub("^[^:]+:%d+: ", "") == expected,
    ("expected the error %s, got %s"):format(shown(expected), shown(err))
end

function known.near(expected, passed, tolerance)
  return type(passed) == "number" and math.abs(expected - passed) <= tolerance,
    ("expected %s within %s, got %s"):format(shown(expected), shown(tolerance), shown(passed))
end

for name, value in pairs { ["true"] = true, ["false"] = false } do
  known[name] = function(passed)
    return passed == value, ("expected %s, got %s"):format(name, shown(passed))
  end
end

known["nil"] = function(passed) return passed == nil, "expected nil, got " .. shown(passed) end

function known.truthy(passed) return passed and true, "expected a value, got " .. shown(passed) end

function known.falsy(passed) return not passed, "expected false or nil, got " .. shown(passed) end

for _, kind in ipairs { "string", "number", "table", "boolean", "userdata", "thread" } do
  known[kind] = function(passed)
    return type(passed) == kind, ("expected a %s, got %s"):format(kind, shown(passed))
  end
end

known["function"] = function(passed)
  return type(passed) == "function", "expected a function, got " .. shown(passed)
end

for name, other in pairs {
  equals = "equal", matches = "match", errors = "error", truth = "truthy", ["Nil"] = "nil",
  ["True"] = "true", ["False"] = "false",
} do
  known[name] = known[other]
end

-- Words between, and those that turn an assertion round.
local FILL = {
  is = true, are = true, was = true, were = true, has = true, have = true, does = true,
}
local NOT = { ["not"] = true, no = true }

-- => function of the assertion, whether it is turned round
local function resolve(words)
  local turned, rest = false, {}
  for word in words:gmatch "%a+" do
    if NOT[word] then
      turned = not turned
    elseif not FILL[word] then
      rest[#rest + 1] = word
    end
  end
  return known[table.concat(rest, "_")], turned, #rest
end

local Chain = {}

function Chain.__index(chain, word)
  return setmetatable({ words = chain.words .. "_" .. tostring(word) }, Chain)
end

-- assert.are.equal(expected, passed); luassert takes either order for its messages.
function Chain.__call(chain, ...)
  local holds, turned = resolve(chain.words)
  local name = chain.words:gsub("^_", ""):gsub("_", ".")
  if not holds then
    error(("assert.%s is not in this watchbot, which was built without luassert: install it")
      :format(name), 2)
  end
  local ok, err = holds(...)
  if turned then
    ok, err = not ok, ("assert.%s(%s) does not hold"):format(name, shown((...)))
  end
  if not ok then error(err, 2) end
  return ...
end

local root = setmetatable({ words = "" }, {
  __index = Chain.__index,
  __call = function(_, value, message, ...)
    if value then return value, message, ... end
    error(message == nil and "assertion failed!" or message, 2)
  end,
})

-- What luassert has besides `assert`, as busted's specs get it.
local PARTS = { "spy", "stub", "mock", "match" }

--- The globals of specs: `assert`, and with luassert `spy`, `stub`, `mock` and `match`.
---@return table<string, any>
function asserts.globals()
  local ok, luassert = pcall(require, "luassert")
  if not ok then return { assert = root } end
  local globals = { assert = luassert }
  for _, part in ipairs(PARTS) do globals[part] = require("luassert." .. part) end
  return globals
end

--- Notes luassert's spies, formatters and parameters; they are as now again when `revert` is
--- called on the result.
---@return { revert: fun(self: table) }
function asserts.snapshot()
  local ok, luassert = pcall(require, "luassert")
  return ok and luassert:snapshot() or { revert = function() end }
end

asserts.ours = root

return asserts
