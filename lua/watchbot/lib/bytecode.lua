--- bytecode: reads what `string.dump` writes, the precompiled chunk of Lua 5.4 (ldump.c): for each
-- function its instructions, constants, upvalues and lines. Nothing is executed.
--
-- The format has no manual; the header says which version it is, and another version is refused.

local bytecode = {}

---@class watchbot.Prototype
---@field code integer[] instructions, from 1
---@field constants any[] from 0; only strings and numbers are kept
---@field upvalues { in_stack: boolean, index: integer }[] from 0
---@field prototypes watchbot.Prototype[]
---@field lines integer[] of each instruction
---@field locals string[] names of parameters and local variables

-- "\27Lua", version 5.4, format 0, six bytes that a text conversion would damage, the sizes of an
-- instruction, an integer and a number, and one of each: 0x5678 and 370.5.
local HEADER = "\27Lua\x54\0\x19\x93\r\n\x1a\n\4\8\8" .. string.pack("i8d", 0x5678, 370.5)

-- An instruction's line is the one before it plus a signed byte; this byte means that the line is
-- in the list of absolute lines.
local ABSOLUTE = -128

---@class watchbot.BytecodeReader
local Reader = {}
Reader.__index = Reader

function Reader:unpack(format)
  local value
  value, self.at = string.unpack(format, self.dump, self.at)
  return value
end

-- Seven bits a byte, the highest first; the last byte has its high bit set.
function Reader:size()
  local value = 0
  repeat
    local byte = self:unpack "B"
    value = value << 7 | byte & 127
  until byte > 127
  return value
end

-- The size of a string includes one byte more; 0: no string.
function Reader:string()
  local size = self:size()
  if size == 0 then return nil end
  self.at = self.at + size - 1
  return self.dump:sub(self.at - size + 1, self.at - 1)
end

-- => a list from `first`
function Reader:list(first, read)
  local values = {}
  for index = first, first + self:size() - 1 do values[index] = read(self) end
  return values
end

local CONSTANTS = {
  [3] = function(reader) return reader:unpack "i8" end,
  [19] = function(reader) return reader:unpack "d" end,
  [4] = Reader.string, [20] = Reader.string,
}

-- nil, false and true have no value in the dump.
local function constant(reader)
  local read = CONSTANTS[reader:unpack "B"]
  return read and read(reader)
end

local function upvalue(reader)
  local in_stack, index = reader:unpack "B", reader:unpack "B"
  reader:unpack "B" -- its kind
  return { in_stack = in_stack == 1, index = index }
end

local function lines_of(reader, first)
  local steps = reader:list(1, function() return reader:unpack "b" end)
  local absolute = {}
  reader:list(1, function()
    local pc = reader:size()
    absolute[pc + 1] = reader:size()
  end)
  local lines, line = {}, first
  for index, step in ipairs(steps) do
    line = step == ABSOLUTE and absolute[index] or line + step
    lines[index] = line
  end
  return lines
end

local function local_name(reader)
  local name = reader:string()
  reader:size() -- first instruction
  reader:size() -- last instruction
  return name
end

local function prototype(reader)
  reader:string() -- the source's name
  local first = reader:size()
  reader:size() -- last line
  reader:unpack "I3" -- parameters, whether vararg, size of the stack
  local found = {
    code = reader:list(1, function() return reader:unpack "I4" end),
    constants = reader:list(0, constant), upvalues = reader:list(0, upvalue),
    prototypes = reader:list(1, prototype), lines = lines_of(reader, first),
    locals = reader:list(1, local_name),
  }
  reader:list(1, Reader.string) -- names of upvalues
  return found
end

--- The functions of a chunk.
---@param chunk function a Lua function
---@return watchbot.Prototype? main nil: a format of another version
function bytecode.read(chunk)
  local dump = string.dump(chunk)
  if dump:sub(1, #HEADER) ~= HEADER then return nil end
  return prototype(setmetatable({ dump = dump, at = #HEADER + 2 }, Reader))
end

return bytecode
