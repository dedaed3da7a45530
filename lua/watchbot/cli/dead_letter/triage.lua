--- cli.dead_letter.triage: dead letters one by one, a single key for each: for a person at a
-- terminal.

local log_lines = require "watchbot.cli.log_lines"
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local terminal = require "watchbot.cli.terminal"
local view = require "watchbot.cli.dead_letter.view"

-- Bytes of a message that are shown, and how far back its logs are looked for, in hours.
local SHOWN, HOURS = 4096, 6

local Triage = {}
Triage.__index = Triage

local QUESTION = "[l]ogs  [r]eplay  re[t]urn  [d]elete  [s]top: "

local function say(words)
  output.line(words)
  output.flush()
end

function Triage:ask(question)
  self.keys:discard()
  output.ask(question)
  local key = self.keys:read()
  say(key and key:match "%g" or "")
  return key and key:lower()
end

-- How letters are settled. Each returns whether that is the end of this one.

local function outcome(self, name, count, problem)
  if count == 1 then
    self.counts[name] = self.counts[name] + 1
    return true
  end
  local failure = type(problem) == "table" and problem[1]
  say(terminal.paint("red", failure and failure.message or type(problem) == "string" and problem
    or "it is no longer among the dead letters"))
  return count == 0 and not failure
end

local keys = {}

function keys.r(self, letter)
  return outcome(self, "replayed", self.letters:replay { letter })
end

function keys.d(self, letter)
  if not self.yes and self:ask "delete it for good? [y/N] " ~= "y" then return false end
  return outcome(self, "deleted", self.letters:delete { letter })
end

function keys.t(self)
  self.counts.returned = self.counts.returned + 1
  return true
end

function keys.l(self, letter)
  local shown, err = self.show_logs(letter.id)
  if not shown then say(terminal.paint("yellow", err)) end
  return false
end

function keys.s(self)
  self.stopped = true
  return true
end

keys.q = keys.s

function Triage:settle(letter)
  repeat
    local key = self:ask(QUESTION)
    local act = key == nil and keys.s or keys[key]
  until act and act(self, letter)
end

function Triage:go_through(total)
  local number = 0
  while not (self.stopped or self.selection:is_done(number)) do
    local page, err, code = self.letters:page(1)
    if not page then return nil, err, code end
    if #page == 0 then break end
    local letter = self.selection:pick(page, 1)[1]
    if letter then
      number = number + 1
      say(terminal.paint("cyan",
        ("\n-- %d%s"):format(number, total and (" of about %d"):format(total) or "")))
      say(view.whole(letter, SHOWN))
      self:settle(letter)
    end
  end
  return true
end

local function show_logs(group, id)
  local reader, err = require "watchbot.stack.logs".open(group)
  if not reader then return nil, err end
  local show, count = log_lines.printer(), 0
  local ok, problem =
    reader:of_message({ id = id, since = scheduler.time() - HOURS * 3600 * 1000 }, function(event)
    show(event)
    count = count + 1
  end)
  if not ok then return nil, problem end
  if count == 0 then return nil, ("no line of the last %d hours has %s in it"):format(HOURS, id) end
  return true
end

-- Where a task's output went: to CloudWatch, or where a watcher of an embedded queue writes.
local function logs_of(letters, find_group)
  if letters.embedded then
    return function()
      return nil, "its output went where its watcher's went: to the stdout of watchbot run"
    end
  end
  local group, err
  return function(id)
    if not group then group, err = find_group() end
    if not group then
      return nil, err
        or "no log group is known: name it with --stack NAME, or --log-group NAME or ARN"
    end
    return show_logs(group, id)
  end
end

local triage = {}

--- Waits in a task.
---@param letters watchbot.DeadLetters
---@param arguments watchbot.Arguments
---@param selection table
---@param find_group fun(): string?, string? the log group
---@return integer? status
---@return string? err
---@return string? code
function triage.run(letters, arguments, selection, find_group)
  if not terminal.is_interactive() then
    return nil, "dead-letter: triage asks for keys, and there is no terminal; list, show, replay "
      .. "and delete need none", "Usage"
  end
  local opened <close>, err, code = terminal.keys()
  if not opened then return nil, err, code end
  local self = setmetatable({
    letters = letters, keys = opened, selection = selection, yes = arguments.yes,
    show_logs = logs_of(letters, find_group),
    counts = { replayed = 0, deleted = 0, returned = 0 },
  }, Triage)
  local ok
  -- How many of them are selected, only the end will tell.
  ok, err, code = self:go_through(selection.is_all and letters:count() or nil)
  if not ok then return nil, err, code end
  say(("\n%d replayed, %d deleted, %d returned%s"):format(self.counts.replayed, self.counts.deleted,
  self.counts.returned,
    self.stopped and "; the others are as they were" or "; there are no more"))
  return 0
end

return triage
