--- policy.global_uses: which globals the functions of a policy's files read and set, from their
-- compiled chunks: hooks need not run.

local bytecode = require "watchbot.lib.bytecode"
local whole_file = require "watchbot.lib.whole_file"

-- Opcodes of Lua 5.4 (lopcodes.h).
local LOADK, GETUPVAL, GETTABUP, GETTABLE, GETFIELD = 3, 9, 11, 12, 14
local SETTABUP, SETTABLE, NOT, JMP, EQK, TEST, TESTSET = 15, 16, 51, 56, 60, 66, 67

-- Where the words of iABC are: 7 bits of opcode, 8 of A, 1 of k, 8 of B, 8 of C.
local function parts(instruction)
  if not instruction then return {} end
  return {
    op = instruction & 127, a = instruction >> 7 & 255, k = instruction >> 15 & 1,
    b = instruction >> 16 & 255, c = instruction >> 24, bx = instruction >> 15,
  }
end

-- Whether the program asks if the value in `register` exists, or has it after `or`.
local function is_guarded(code, at, register, constants)
  local after, before, earlier = parts(code[at + 1]), parts(code[at - 1]), parts(code[at - 2])
  return after.op == TEST and after.a == register
    or (after.op == TESTSET or after.op == NOT) and after.b == register
    or after.op == EQK and after.a == register and constants[after.b] == nil
    or before.op == JMP and (earlier.op == TEST or earlier.op == TESTSET) and earlier.k == 1
end

---@class watchbot.GlobalUses
---@field uses { name: string, line: integer, path: string, guarded: boolean }[] of globals, and of
--- fields of globals as "math.floor"; guarded: the program asks whether it exists
---@field set table<string, true> names that are assigned to
---@field writes { name: string, line: integer, path: string }[] assignments in functions
---@field locals table<string, true> names of local variables and parameters
---@field texts table<any, true> constants: with `dynamic`, `_G[text]` may set any of them
---@field dynamic boolean the table of globals is used as a value
local Found = {}
Found.__index = Found

function Found:use(name, proto, at, register)
  self.uses[#self.uses + 1] = {
    name = name, line = proto.lines[at], path = self.path,
    guarded = is_guarded(proto.code, at, register, proto.constants),
  }
end

function Found:write(name, proto, at)
  self.set[name] = true
  if not proto.inner then return end
  self.writes[#self.writes + 1] = { name = name, line = proto.lines[at], path = self.path }
end

-- A function with more than 256 constants loads the table and the name into registers.
function Found:far(proto, at, register)
  local key = parts(proto.code[at + 1])
  local name = key.op == LOADK and proto.constants[key.bx]
  for later = at + 2, name and #proto.code or 0 do
    local one = parts(proto.code[later])
    if later == at + 2 and one.op == GETTABLE and one.b == register and one.c == key.a then
      return self:use(name, proto, later, one.a)
    elseif one.op == SETTABLE and one.a == register and one.b == key.a then
      return self:write(name, proto, later)
    end
  end
  self.dynamic = true
end

-- `math.flor`: the field of a library.
function Found:field(library, proto, at, register)
  local one = parts(proto.code[at + 1])
  local name = one.op == GETFIELD and one.b == register and proto.constants[one.c]
  if name then self:use(library .. "." .. name, proto, at + 1, one.a) end
end

function Found:instruction(proto, at, is_environment)
  local one = parts(proto.code[at])
  if one.op == GETTABUP and is_environment[one.b] then
    local name = proto.constants[one.c]
    if name == "_G" then self.dynamic = true end
    self:use(name, proto, at, one.a)
    self:field(name, proto, at, one.a)
  elseif one.op == SETTABUP and is_environment[one.a] then
    self:write(proto.constants[one.b], proto, at)
  elseif one.op == GETUPVAL and is_environment[one.b] then
    self:far(proto, at, one.a)
  end
end

function Found:prototype(proto, is_environment)
  for at in ipairs(proto.code) do self:instruction(proto, at, is_environment) end
  for _, name in ipairs(proto.locals) do self.locals[name] = true end
  for _, value in pairs(proto.constants) do self.texts[value] = true end
  for _, inner in ipairs(proto.prototypes) do
    local its = {}
    inner.inner = true
    for index, upvalue in pairs(inner.upvalues) do
      its[index] = not upvalue.in_stack and is_environment[upvalue.index]
    end
    self:prototype(inner, its)
  end
end

function Found:file(path)
  local source = whole_file(path)
  -- Without a byte order mark and a line with #!, as policy/load.lua reads it.
  source = source and source:gsub("^\u{FEFF}", ""):gsub("^#[^\n]*", "")
  local chunk = source and load(source, "@" .. path, "t")
  local main = chunk and bytecode.read(chunk)
  self.path = path
  if main then self:prototype(main, { [0] = true }) end
end

--- What the files do with globals. A file that does not compile has no uses.
---@param paths string[]
---@return watchbot.GlobalUses
local function global_uses(paths)
  local found = setmetatable({
    uses = {}, set = {}, writes = {}, locals = {}, texts = {}, dynamic = false,
  }, Found)
  for _, path in ipairs(paths) do found:file(path) end
  return found
end

return global_uses
