--- queue.sqlite.pages: the pages of a damaged SQLite file, with its WAL applied. Nothing that is
-- read is trusted: the file may be truncated, or overwritten in the middle.
-- https://www.sqlite.org/fileformat2.html

---@class watchbot.Pages
---@field size integer bytes of a page
---@field usable integer bytes of a page that SQLite uses
---@field count integer
local core = require "watchbot.core".file
local opened = require "watchbot.lib.opened"
local Pages = {}
Pages.__index = Pages

local pages = {}

local MAGIC = "SQLite format 3\0"

-- If the header of the file cannot be read: the page size of this program's SQLite.
local USUAL_SIZE = 4096

local function is_size(size)
  return size >= 512 and size <= 65536 and size & (size - 1) == 0
end

-- Page size and reserved bytes; a size of 65536 is written as 1.
local function read_head(head, wal_size)
  if head:sub(1, #MAGIC) ~= MAGIC or #head < 100 then return wal_size or USUAL_SIZE, 0 end
  local size, reserved = (">I2"):unpack(head, 17), head:byte(21)
  if size == 1 then size = 65536 end
  if not is_size(size) then return wal_size or USUAL_SIZE, 0 end
  return size, reserved <= size // 4 and reserved or 0
end

-- The checksum of the WAL, 4.2 of the file format; `order` is "<" or ">".
local function checksum(order, bytes, first, second)
  for position = 1, #bytes, 8 do
    local a, b = string.unpack(order .. "I4I4", bytes, position)
    first = first + a + second & 0xffffffff
    second = second + b + first & 0xffffffff
  end
  return first, second
end

-- The newest committed version of each page, as its position in the WAL; and the number of pages of
-- the database at that time.
local function read_wal(file, head)
  local order = head:byte(4) & 1 == 1 and ">" or "<"
  local size = (">I4"):unpack(head, 9)
  local salts = head:sub(17, 24)
  local first, second = checksum(order, head:sub(1, 24), 0, 0)
  local committed, pending, count = {}, {}, 0
  while true do
    local frame = file:read(24)
    local at = file:seek()
    local page = frame and #frame == 24 and file:read(size)
    if not page or #page < size or frame:sub(9, 16) ~= salts then return committed, count end
    first, second = checksum(order, frame:sub(1, 8), first, second)
    first, second = checksum(order, page, first, second)
    local number, commit, a, b = (">I4I4xxxxxxxxI4I4"):unpack(frame)
    if a ~= first or b ~= second then return committed, count end
    pending[number] = at
    if commit > 0 then
      for changed, place in pairs(pending) do committed[changed] = place end
      pending, count = {}, commit
    end
  end
end

local function open_wal(path)
  local file = io.open(path .. "-wal", "rb")
  local head = file and file:read(32)
  local magic = head and #head == 32 and (">I4"):unpack(head) or 0
  if magic & ~1 ~= 0x377f0682 or not is_size((">I4"):unpack(head, 9)) then
    if file then file:close() end
    return nil, nil
  end
  return file, head
end

--- Opens a file that SQLite may no longer be able to open.
---@param path string
---@return watchbot.Pages?
---@return string? err
---@return string? code
function pages.open(path)
  local status = core.status(path)
  if status and not status.regular and not status.link then
    return nil, ("'%s' is not a regular file"):format(path), "NotAQueue"
  end
  local file, err = opened(path)
  -- The newest messages are in the WAL, which may be all that is left.
  if not file and not status and core.status(path .. "-wal") then file = io.tmpfile() end
  if not file then return nil, err, "ENOENT" end
  local head, problem = file:read(100)
  if problem then return nil, ("'%s': %s"):format(path, problem:lower()), "ReadFailed" end
  local wal, wal_head = open_wal(path)
  local size, reserved = read_head(head or "", wal and (">I4"):unpack(wal_head, 9))
  local self = setmetatable({
    file = file, wal = wal, size = size, usable = size - reserved, places = {},
  }, Pages)
  local count = 0
  if wal and (">I4"):unpack(wal_head, 9) == size then
    self.places, count = read_wal(wal, wal_head)
  end
  self.count = count > 0 and count or (file:seek "end" + size - 1) // size
  self.count = math.min(self.count, self:told_count() or self.count)
  self.free = self:free_pages()
  return self
end

--- The bytes of a page; nil if it is incomplete.
---@param number integer
---@return string?
function Pages:read(number)
  local place = self.places[number]
  local file = place and self.wal or self.file
  if number < 1 or number > self.count then return nil end
  file:seek("set", place or (number - 1) * self.size)
  local bytes = file:read(self.size)
  return bytes and #bytes == self.size and bytes or nil
end

-- The number of pages in the file's header, if it is valid; pages beyond it are old.
function Pages:told_count()
  local head = self:read(1)
  if not head or head:sub(1, #MAGIC) ~= MAGIC then return nil end
  local changes, count = (">I4I4"):unpack(head, 25)
  return count > 0 and changes == (">I4"):unpack(head, 93) and count or nil
end

--- The free pages, which still have their old content.
---@return table<integer, true>
function Pages:free_pages()
  local free, head = {}, self:read(1)
  local trunk = head and head:sub(1, #MAGIC) == MAGIC and (">I4"):unpack(head, 33) or 0
  while trunk > 0 and not free[trunk] do
    local bytes = self:read(trunk)
    if not bytes then break end
    free[trunk] = true
    local next_trunk, count = (">I4I4"):unpack(bytes)
    for index = 1, math.min(count, self.size // 4 - 2) do
      free[(">I4"):unpack(bytes, 5 + 4 * index)] = true
    end
    trunk = next_trunk
  end
  return free
end

function Pages:close()
  self.file:close()
  if self.wal then self.wal:close() end
end

Pages.__close = Pages.close

return pages
