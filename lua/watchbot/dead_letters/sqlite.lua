--- dead_letters.sqlite: the dead letters of the embedded queue, a table of the same file. Each
-- change is one transaction, so a letter is always in exactly one of the two tables.

local PAGE = 100

local Letters = { embedded = true }
Letters.__index = Letters

local sqlite = {}

---@param queue watchbot.SqliteQueue closed together with the letters
---@return watchbot.DeadLetters
function sqlite.open(queue)
  return setmetatable({ queue = queue, name = queue.name, warnings = { queue.warning } }, Letters)
end

function Letters:count()
  local counts, err, code = self.queue:counts()
  if not counts then return nil, err, code end
  return counts.dead
end

-- A replayed letter may fail again at once: that is a new letter, which this reading does not
-- return.
function Letters:bound()
  local err, code
  if not self.last then self.last, err, code = self.queue:last_dead() end
  return self.last, err, code
end

function Letters:page(max)
  local last, err, code = self:bound()
  if not last then return nil, err, code end
  local letters
  letters, err, code = self.queue:dead(max or PAGE, self.after)
  if not letters then return nil, err, code end
  while letters[1] and letters[#letters].seq > last do table.remove(letters) end
  self.after = letters[#letters] or self.after
  return letters
end

function Letters:unreachable() return 0 end -- luacheck: ignore 212

local function ids_of(letters)
  local ids = {}
  for index, letter in ipairs(letters) do ids[index] = letter.id end
  return ids
end

-- A missing letter was settled by another process, which is not an error.
local function settled(count, err, code)
  if not count then return nil, err, code end
  return count, {}
end

function Letters:replay(letters)
  return settled(self.queue:replay(ids_of(letters)))
end

function Letters:replay_all(options)
  if options.rate then return nil, "an embedded queue has no rate", "Unsupported" end
  return self.queue:replay()
end

function Letters:delete(letters)
  return settled(self.queue:purge_dead(ids_of(letters)))
end

function Letters:purge()
  return self.queue:purge_dead()
end

function Letters:close()
  self.queue:close()
end

Letters.__close = Letters.close

return sqlite
