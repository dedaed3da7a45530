--- queue.sqlite.rows: the rows of all tables in the pages of a file, whatever tree they were in,
-- including rows that cannot be reached from the root of a damaged file.
-- https://www.sqlite.org/fileformat2.html, 1.6 and 2.1

local rows = {}

-- The first byte of a page with rows of a table.
local LEAF = 13

-- The largest row in bytes: a message has 1 MiB with its attributes, in a few columns.
local LONGEST = 16 << 20

-- => value, position after it
local function varint(bytes, position)
  local value = 0
  for index = 0, 7 do
    local byte = bytes:byte(position + index)
    value = value << 7 | byte & 0x7f
    if byte < 0x80 then return value, position + index + 1 end
  end
  return value << 8 | bytes:byte(position + 8), position + 9
end

-- How many bytes of a row of `size` bytes are in its page.
local function local_size(usable, size)
  if size <= usable - 35 then return size end
  local least = (usable - 12) * 32 // 255 - 23
  local some = least + (size - least) % (usable - 4)
  return some <= usable - 35 and some or least
end

-- The whole of a row that continues in other pages; nil if one of them is missing.
local function with_rest(pages, start, size, page)
  local parts, length = { start }, #start
  while length < size do
    local bytes = pages:read(page)
    if not bytes or pages.free[page] then return nil end
    local part = bytes:sub(5, 4 + math.min(pages.usable - 4, size - length))
    parts[#parts + 1], length = part, length + #part
    page = (">I4"):unpack(bytes)
  end
  -- The last page has no next page: another number means that it was overwritten.
  return page == 0 and table.concat(parts) or nil
end

local widths = { 1, 2, 3, 4, 6, 8, 8 }

-- => value, its size in bytes; the serial type defines the type of a column
local function column(bytes, kind, position)
  if kind == 0 then return nil, 0 end
  if kind == 8 or kind == 9 then return kind - 8, 0 end
  if kind >= 12 then
    local size = (kind - 12) // 2
    assert(position + size - 1 <= #bytes, "the row is cut")
    return bytes:sub(position, position + size - 1), size
  end
  local width = assert(widths[kind], "no serial type")
  local format = kind == 7 and ">d" or ">i" .. width
  return string.unpack(format, bytes, position), width
end

-- A list of the columns, `n` of them.
local function record(bytes)
  local head, position = varint(bytes, 1)
  local values, at = { n = 0 }, head + 1
  while position <= head do
    local kind, width
    kind, position = varint(bytes, position)
    values.n = values.n + 1
    values[values.n], width = column(bytes, kind, at)
    at = at + width
  end
  assert(at == #bytes + 1, "the columns are not as long as the row")
  return values
end

-- => row id, columns
local function cell(pages, bytes, position)
  local size, id
  size, position = varint(bytes, position)
  id, position = varint(bytes, position)
  assert(size > 0 and size <= LONGEST, "no row is that long")
  local here = local_size(pages.usable, size)
  assert(position + here - 1 <= pages.usable, "the row leaves its page")
  local payload = bytes:sub(position, position + here - 1)
  if here < size then
    payload = assert(with_rest(pages, payload, size, (">I4"):unpack(bytes, position + here)),
      "the rest of the row is gone")
  end
  return id, record(payload)
end

--- Passes on all readable rows.
---@param pages watchbot.Pages
---@param visit fun(id: integer, columns: table)
function rows.each(pages, visit)
  for number = 1, pages.count do
    local bytes = not pages.free[number] and pages:read(number)
    local start = number == 1 and 100 or 0
    if bytes and bytes:byte(start + 1) == LEAF then
      local count = (">I2"):unpack(bytes, start + 4)
      for index = 1, math.min(count, (pages.size - start - 8) // 2) do
        local place = (">I2"):unpack(bytes, start + 7 + 2 * index)
        local ok, id, columns = pcall(cell, pages, bytes, place + 1)
        if ok then visit(id, columns) end
      end
    end
  end
end

return rows
