--- cli.dead_letter.triage: goes through dead letters one by one on a terminal, with a single key
-- for each.

local log_lines = require "watchbot.cli.log_lines"
local output = require "watchbot.cli.output"
local scheduler = require "watchbot.scheduler"
local terminal = require "watchbot.cli.terminal"
local view = require "watchbot.cli.dead_letter.view"

-- Bytes of a message to show, and how many hours of logs to search.
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

-- What each key does. Each returns true once the letter is settled.

local function outcome(self, name, count, problem)
  if count == 1 then
    self.counts[name] = self.counts[name] + 1
    return true
  end
  local failure = type(problem) == "table" and problem[1]
  say(terminal.paint("red", failure and failure.message or type(problem) == "string" and problem
    or "it is no longer in the dead-letter queue"))
  return count == 0 and not failure
end

local keys = {}

function keys.r(self, letter)
  return outcome(self, "replayed", self.letters:replay { letter })
end

function keys.d(self, letter)
  if not self.yes and self:ask "delete it permanently? [y/N] " ~= "y" then return false end
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
  if count == 0 then
    return nil, ("no log line of the last %d hours contains %s"):format(HOURS, id)
  end
  return true
end

-- Where a task's output is: in CloudWatch, or in the output of the watcher of an embedded queue.
local function logs_of(letters, find_group)
  if letters.embedded then
    return function()
      return nil, "the task's output is in the stdout of watchbot run"
    end
  end
  local group, err
  return function(id)
    if not group then group, err = find_group() end
    if not group then
      return nil, err
        or "no log group: set --stack NAME, or --log-group NAME or ARN"
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
    return nil, "dead-letter: triage needs a terminal; list, show, replay "
      .. "and delete do not", "Usage"
  end
  local opened <close>, err, code = terminal.keys()
  if not opened then return nil, err, code end
  local self = setmetatable({
    letters = letters, keys = opened, selection = selection, yes = arguments.yes,
    show_logs = logs_of(letters, find_group),
    counts = { replayed = 0, deleted = 0, returned = 0 },
  }, Triage)
  local ok
  -- The number selected is known only at the end.
  ok, err, code = self:go_through(selection.is_all and letters:count() or nil)
  if not ok then return nil, err, code end
  say(("\n%d replayed, %d deleted, %d returned%s"):format(self.counts.replayed, self.counts.deleted,
  self.counts.returned,
    self.stopped and "; the others are unchanged" or "; there are no more"))
  return 0
end

return triage
