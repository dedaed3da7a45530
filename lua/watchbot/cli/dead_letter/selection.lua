--- cli.dead_letter.selection: selects dead letters: --id, --from, --match, --limit.

local envelope = require "watchbot.message.envelope"
local saved_lines = require "watchbot.cli.saved_lines"
local terminal = require "watchbot.cli.terminal"

local Selection = {}
Selection.__index = Selection

local selection = {}

---@type watchbot.Option[]
selection.options = {
  { name = "id", value = "ID", many = true, help = "only this message; may be repeated" },
  { name = "from", value = "FILE", help = "only messages in FILE, written by 'print'" },
  { name = "match", value = "TEXT", help = "only messages with TEXT in the body or subject" },
  { name = "limit", value = "N", number = true, help = "at most N messages" },
}

-- => true | nil err code : adds what is in a file to the ids
local function add_saved(ids, path)
  return saved_lines.each(path, function(messages, _, problems)
    if problems[1] then return nil, problems[1], "BadMessage" end
    for _, message in ipairs(messages) do ids[#ids + 1] = message.id end
    return true
  end)
end

--- What the arguments select; ids may also follow the action, as words. Waits in a task.
---@param arguments watchbot.Arguments
---@param limit integer? the default limit
---@return table? selection
---@return string? err
---@return string? code
function selection.new(arguments, limit)
  local self = setmetatable({ match = arguments.match, limit = math.huge }, Selection)
  local asked = arguments.limit
  if asked and (asked < 1 or asked % 1 ~= 0) then
    return nil, ("dead-letter: --limit: expected a whole number of at least 1, got '%g'"):format(
      asked), "Usage"
  end
  local ids = table.move(arguments.words, 2, #arguments.words, #(arguments.id or {}) + 1,
    arguments.id or {})
  if arguments.from then
    local ok, err, code = add_saved(ids, arguments.from)
    if not ok then return nil, "dead-letter: " .. err, code end
  end
  if #ids > 0 or arguments.from then self.missing, self.ids = {}, {} end
  for _, id in ipairs(ids) do self.missing[id], self.ids[id] = true, true end
  self.is_all = not (self.ids or self.match or asked)
  self.limit = asked or (self.is_all and limit) or math.huge
  self.most = arguments.rate and math.max(1, arguments.rate // 1) or math.huge
  return self
end

function Selection:has(letter)
  if self.ids and not (self.ids[letter.id] or self.ids[letter.key]) then return false end
  local text = self.match
  if not text then return true end
  local opened = envelope.open(letter.body)
  return (letter.body:find(text, 1, true) or (letter.subject or ""):find(text, 1, true)
    or (opened and (opened.message:find(text, 1, true)
      or (opened.subject or ""):find(text, 1, true)))) ~= nil
end

function Selection:pick(page, left)
  local picked = {}
  for _, letter in ipairs(page) do
    if self.ids then self.missing[letter.id], self.missing[letter.key or ""] = nil, nil end
    if #picked < left and self:has(letter) then picked[#picked + 1] = letter end
  end
  return picked
end

function Selection:is_done(count)
  return count >= self.limit or (self.ids and next(self.missing) == nil)
end

-- Letters in a page: at most the number wanted when any will do, and at most what the rate allows
-- in a second.
function Selection:page_size(count)
  local left = (self.match or self.ids) and math.huge or self.limit - count
  local most = math.min(left, self.most)
  return most < math.huge and math.tointeger(math.min(10, most)) or nil
end

--- Reads letters until all selected ones were seen, and passes them on page by page. Waits in a
--- task.
---@param letters watchbot.DeadLetters
---@param visit fun(picked: watchbot.DeadLetter[], progress: watchbot.Progress): true?,
--- string?, string? returns nil to stop
---@param words (fun(read: integer): string)? how far it is
---@return integer? count
---@return string? err
---@return string? code
function Selection:each(letters, visit, words)
  local progress <close> = terminal.progress()
  local count, read = 0, 0
  while not self:is_done(count) do
    local page, err, code = letters:page(self:page_size(count))
    if not page then return nil, err, code end
    if #page == 0 then
      self.at_end = true
      break
    end
    local picked, ok = self:pick(page, self.limit - count), true
    if #picked > 0 then ok, err, code = visit(picked, progress) end
    if not ok then return nil, err, code end
    count, read = count + #picked, read + #page
    progress:tell(words and words(read) or ("%d dead letters read"):format(read))
  end
  return count
end

--- A note about letters that were not seen; nil when all were.
---@param letters watchbot.DeadLetters
---@return string?
function Selection:shortfall(letters)
  local missing = {}
  for id in pairs(self.missing or {}) do missing[#missing + 1] = id end
  table.sort(missing)
  local behind = self.at_end and letters:unreachable() or 0
  if behind > 0 then
    return ("about %d more wait behind others of their FIFO group: readable once those are "
      .. "replayed or deleted"):format(behind)
  end
  if #missing > 0 then
    return ("no dead letter has the ID '%s'"):format(table.concat(missing, "', '"))
  end
end

return selection
