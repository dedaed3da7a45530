-- nameless: a compiled chunk of Lua 5.4 (string.dump) without the names of its local variables, a
-- seventh of its size. What stays of the debugging information: the lines, for tracebacks, and the
-- names of upvalues, by which errors name globals.

-- The order of a function in the dump is that of ldump.c; its lists begin with their sizes.
local Walk = {}
Walk.__index = Walk

-- Seven bits a byte, the highest first; the last byte has its high bit set.
function Walk:size()
  local value = 0
  repeat
    local byte = self.dump:byte(self.at)
    value, self.at = value << 7 | byte & 127, self.at + 1
  until byte > 127
  return value
end

-- The size of a string is one more than its bytes; 0: no string.
function Walk:string()
  local size = self:size()
  self.at = self.at + math.max(0, size - 1)
end

function Walk:list(skip)
  for _ = 1, self:size() do skip(self) end
end

function Walk:bytes(each)
  local count = self:size()
  self.at = self.at + count * each
end

-- Tags of the constants that have a value: integer, number, short and long string.
local NUMBER = function(walk) walk.at = walk.at + 8 end
local CONSTANTS = { [3] = NUMBER, [19] = NUMBER, [4] = Walk.string, [20] = Walk.string }

local function constant(walk)
  local skip = CONSTANTS[walk.dump:byte(walk.at)]
  walk.at = walk.at + 1
  if skip then skip(walk) end
end

local function absolute_line(walk)
  walk:size()
  walk:size()
end

local function local_variable(walk)
  walk:string()
  walk:size()
  walk:size()
end

-- Copies what stands before the names, and a list of none in their place.
local function leave_names_out(walk)
  walk.parts[#walk.parts + 1] = walk.dump:sub(walk.copied, walk.at - 1) .. "\x80"
  walk:list(local_variable)
  walk.copied = walk.at
end

local function prototype(walk)
  walk:string() -- the source's name
  walk:size() -- its first line
  walk:size() -- its last
  walk.at = walk.at + 3 -- parameters, whether vararg, size of the stack
  walk:bytes(4) -- instructions
  walk:list(constant)
  walk:bytes(3) -- upvalues
  walk:list(prototype)
  walk:bytes(1) -- lines, as differences
  walk:list(absolute_line)
  leave_names_out(walk)
  walk:list(Walk.string) -- names of upvalues
end

-- "\27Lua", version 5.4, format 0, bytes that a text conversion would damage, sizes, and one of
-- each number; a dump of another form stays as it is.
local HEADER = "\27Lua\x54\0\x19\x93\r\n\x1a\n\4\8\8" .. string.pack("i8d", 0x5678, 370.5)

---@param dump string of string.dump
---@return string
return function(dump)
  if dump:sub(1, #HEADER) ~= HEADER then return dump end
  -- After the header comes the count of the main function's upvalues.
  local walk = setmetatable({ dump = dump, at = #HEADER + 2, copied = 1, parts = {} }, Walk)
  prototype(walk)
  assert(walk.at == #dump + 1, "the dump is longer than its functions")
  return table.concat(walk.parts) .. dump:sub(walk.copied)
end
