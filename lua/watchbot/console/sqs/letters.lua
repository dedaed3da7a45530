--- console.sqs.letters: the dead letters of an SQS queue, for the console. SQS shows a message only
-- to a program that receives it, and hides it from others meanwhile: so letters are read when
-- someone asks, a few at a time, and returned when no one has looked for a while.

local dead_letters = require "watchbot.dead_letters"
local scheduler = require "watchbot.scheduler"

-- Letters that one reading adds, and the most that are held.
local READ, MOST = 30, 300

-- Seconds after which letters are returned that no one looks at.
local IDLE = 300

-- Those of watchbot.ConsoleSource.
local methods = {}

-- One at a time: a letter must not be settled twice.
local function alone(self, body, ...)
  if self.busy then return nil, "another page is working on these letters; try again" end
  self.busy = true
  local results = table.pack(pcall(body, self, ...))
  self.busy = false
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

local function read(self)
  local err
  if not self.held then
    self.held, err = dead_letters.open { queue = self.url, dead_letter_queue = self.dead_url }
    if not self.held then return nil, err end
    self.read_letters = {}
  end
  local count = 0
  while count < READ and #self.read_letters < MOST do
    local page
    page, err = self.held:page()
    if not page then return nil, err end
    if #page == 0 then break end
    table.move(page, 1, #page, #self.read_letters + 1, self.read_letters)
    count = count + #page
  end
  return count
end

--- Receives more letters. Waits in a task.
---@return integer? count
---@return string? err
function methods:read_more()
  self.touched = scheduler.now()
  return alone(self, read)
end

--- Returns all letters that were received: others can see them again.
function methods:return_letters()
  local held = self.held
  self.held, self.read_letters = nil, {}
  if held then held:close() end
end

--- Returns them when no one has looked for a while.
function methods:return_idle()
  if self.held and not self.busy and scheduler.now() - (self.touched or 0) > IDLE then
    self:return_letters()
  end
end

--- What is to be known before letters are read.
---@return { read: integer, warnings: string[], calls: integer }
function methods:reading()
  return {
    read = #self.read_letters, warnings = self.held and self.held.warnings or {},
    calls = READ // 10 + 1,
  }
end

--- What names a letter in the addresses and forms of pages.
---@param letter watchbot.DeadLetter
---@return string
function methods:key(letter) return letter.key or letter.id end -- luacheck: ignore 212

local function matches(letter, match)
  return not match or letter.body:find(match, 1, true) ~= nil
    or (letter.reason or ""):find(match, 1, true) ~= nil or letter.id == match
end

--- The letters that were received. Makes no call.
---@param _ integer
---@param _ integer?
---@param match string?
---@return watchbot.ConsoleLetters
function methods:letters(_, _, match)
  self.touched = scheduler.now()
  local found = {}
  for _, letter in ipairs(self.read_letters) do
    if matches(letter, match) then found[#found + 1] = letter end
  end
  return { letters = found }
end

--- One of them.
---@param key string
---@return watchbot.DeadLetter|false
function methods:letter(key)
  for _, letter in ipairs(self.read_letters) do
    if self:key(letter) == key then return letter end
  end
  return false
end

--- Those of these keys.
---@param keys string[]
---@return watchbot.DeadLetter[]
function methods:chosen(keys)
  local found = {}
  for _, key in ipairs(keys) do found[#found + 1] = self:letter(key) or nil end
  return found
end

--- About all letters that there are, read or not.
---@param match string?
---@return { count: integer, letters: watchbot.DeadLetter[], bound: string, about: true }?
---@return string? err
function methods:all(match)
  if match then return nil, "select the letters: SQS cannot search" end
  local letters = table.move(self.read_letters, 1, 10, 1, {})
  return { count = self.figures.dead or #letters, letters = letters, bound = "all", about = true }
end

-- Without those that were settled.
local function forget(self, chosen, failures)
  local gone = {}
  for _, letter in ipairs(chosen) do gone[letter] = true end
  for _, failure in ipairs(failures) do gone[failure.letter] = nil end
  local kept = {}
  for _, letter in ipairs(self.read_letters) do
    if not gone[letter] then kept[#kept + 1] = letter end
  end
  self.read_letters = kept
end

local function act_on(self, what, keys)
  local chosen = self:chosen(keys)
  if #chosen == 0 then return 0 end
  local count, failures = self.held[what](self.held, chosen)
  if not count then return nil, failures end
  forget(self, chosen, failures)
  return count, failures[1] and failures[1].message
end

local function act_on_all(self, what)
  self:return_letters()
  local letters <close>, err = dead_letters.open {
    queue = self.url, dead_letter_queue = self.dead_url,
  }
  if not letters then return nil, err end
  if what == "delete" then return letters:purge() end
  local count, problem, code = letters:replay_all {}
  if code == "Unsupported" then
    problem = problem .. "; use watchbot dead-letter replay"
  end
  return count, problem
end

--- Replays or deletes letters. Waits in a task.
---@param what "replay"|"delete"
---@param chosen { keys: string[]?, bound: string? } keys, or all
---@return integer? count
---@return string? err
function methods:act(what, chosen)
  self.touched = scheduler.now()
  if chosen.keys then return alone(self, act_on, what, chosen.keys) end
  return alone(self, act_on_all, what)
end

return methods
