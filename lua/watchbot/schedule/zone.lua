--- schedule.zone: a time zone of the machine's tzdata: what its clocks show at a moment, and at
-- which moment they show a time. Reads TZif files and the rule at their end (RFC 9636), not the
-- process's TZ, which belongs to the host.

local date = require "watchbot.lib.date"
local own = require "watchbot.lib.own"
local rule = require "watchbot.schedule.rule"
local whole_file = require "watchbot.lib.whole_file"

local DAY = 86400

-- Where systems keep tzdata; $TZDIR comes first.
local FOLDERS = { "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo" }

---@class watchbot.Zone
---@field name string
---@field times integer[] seconds since the epoch at which the offset changes, ascending
---@field offsets integer[] seconds to add to UTC from each of these times on
---@field first integer the offset before all of them
---@field rule watchbot.ZoneRule? of the time after them
local Zone = {}
Zone.__index = Zone

local zone = {}

-- The sizes in a TZif header, and the position after it.
local function header(bytes, at)
  if #bytes < at + 43 or bytes:sub(at, at + 3) ~= "TZif" then return nil end
  local utc, std, leaps, times, types, letters = (">I4I4I4I4I4I4"):unpack(bytes, at + 20)
  return {
    utc = utc, std = std, leaps = leaps, times = times, types = types, letters = letters,
  }, at + 44, bytes:sub(at + 4, at + 4)
end

-- Bytes of a data block whose times have `width` bytes.
local function length(sizes, width)
  return sizes.times * width + sizes.times + sizes.types * 6 + sizes.letters
    + sizes.leaps * (width + 4) + sizes.std + sizes.utc
end

local function offset_of_type(bytes, at, index)
  return ((">i4"):unpack(bytes, at + index * 6))
end

-- The block with times of eight bytes.
local function read_block(bytes, at, sizes)
  local times, offsets = {}, {}
  local kinds = at + sizes.times * 8
  local types = kinds + sizes.times
  for index = 1, sizes.times do
    times[index] = (">i8"):unpack(bytes, at + (index - 1) * 8)
    offsets[index] = offset_of_type(bytes, types, bytes:byte(kinds + index - 1))
  end
  return { times = times, offsets = offsets, first = offset_of_type(bytes, types, 0) }
end

-- => zone without a name; nothing if these bytes are no TZif file of version 2 or later
local function parse(bytes)
  local sizes, after, version = header(bytes, 1)
  if not sizes or version < "2" then return nil end
  local second = after + length(sizes, 4)
  sizes, after = header(bytes, second)
  if not sizes or sizes.types == 0 or #bytes < after + length(sizes, 8) then return nil end
  local read = read_block(bytes, after, sizes)
  local footer = bytes:match("^\n([^\n]*)\n", after + length(sizes, 8))
  if footer and footer ~= "" then
    read.rule = rule.parse(footer)
    if not read.rule then return nil end
  end
  return read
end

local function folders()
  local own_folder = os.getenv "TZDIR"
  return own_folder and own_folder ~= "" and { own_folder } or FOLDERS
end

local function is_name(name)
  return name:find "^[%w_+-][%w_+/-]*$" ~= nil and not name:find("//", 1, true)
end

-- => bytes; nil, err
local function find(name)
  local searched, tzdata = folders(), false
  for _, folder in ipairs(searched) do
    local bytes = whole_file(folder .. "/" .. name)
    if bytes then return bytes end
    tzdata = tzdata or whole_file(folder .. "/Europe/Berlin") ~= nil
  end
  local where = table.concat(searched, ", ")
  if tzdata then return nil, ("unknown time zone '%s', looked for in %s"):format(name, where) end
  return nil, ("time zone '%s': this machine has no time zone data, looked for in %s; install "
    .. "tzdata, or use UTC"):format(name, where)
end

local UTC = { UTC = true, ["Etc/UTC"] = true, GMT = true }

--- Reads a time zone; UTC needs no file.
---@param name string "Europe/Berlin"
---@return watchbot.Zone?
---@return string? err
function zone.open(name)
  if UTC[name] then return own({ name = name, times = {}, offsets = {}, first = 0 }, Zone) end
  if not is_name(name) then
    return nil, ("expected a time zone like 'Europe/Berlin', got '%s'"):format(name)
  end
  local bytes, err = find(name)
  if not bytes then return nil, err end
  local read = parse(bytes)
  if not read then return nil, ("time zone '%s': its file cannot be read"):format(name) end
  read.name = name
  return own(read, Zone)
end

-- The last index of `times` that is not after `at`; 0: all are.
local function last_before(times, at)
  local low, high = 0, #times
  while low < high do
    local middle = (low + high + 1) // 2
    if times[middle] <= at then low = middle else high = middle - 1 end
  end
  return low
end

--- Seconds to add to UTC to get what clocks show at a moment.
---@param at integer seconds since the epoch
---@return integer
function Zone:offset(at)
  local index = last_before(self.times, at)
  if index == #self.times and self.rule then return self.rule:offset(at) end
  return index == 0 and self.first or self.offsets[index]
end

--- The first moment at which clocks show a time.
---@param shown integer that time, in seconds since 1970-01-01 00:00 of the same clock
---@return integer? at seconds since the epoch; nil: clocks skip this time
function Zone:moment(shown)
  local found
  for _, around in ipairs { shown - DAY, shown + DAY } do
    local at = shown - self:offset(around)
    if self:offset(at) == shown - at and (not found or at < found) then found = at end
  end
  return found
end

--- What clocks show at a moment.
---@param at integer seconds since the epoch
---@return string "2026-03-29 03:00"
function Zone:text(at)
  local shown = at + self:offset(at)
  local year, month, day = date.civil(shown // DAY)
  local minutes, seconds = shown % DAY // 60, shown % 60
  return ("%04d-%02d-%02d %02d:%02d%s"):format(year, month, day, minutes // 60, minutes % 60,
    seconds > 0 and (":%02d"):format(seconds) or "")
end

return zone
