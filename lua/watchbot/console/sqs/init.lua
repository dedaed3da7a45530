--- console.sqs: what the console knows of an SQS queue. Each call of AWS costs: the queue is only
-- asked while someone looks, counts every 15 seconds and CloudWatch every minute, and the pages
-- show how many calls there were.

local counts = require "watchbot.aws.counts"
local hour = require "watchbot.console.sqs.hour"
local letters = require "watchbot.console.sqs.letters"
local log = require "watchbot.console.sqs.log"
local minutes = require "watchbot.console.minutes"
local open_queue = require("watchbot.queue").open
local redrive = require "watchbot.queue.sqs.redrive"
local scheduler = require "watchbot.scheduler"
local sorted = require "watchbot.lib.sorted"
local urls = require "watchbot.lib.urls"

-- Seconds between two readings of the counts, and of CloudWatch.
local OFTEN, METRICS = 15, 60

local Source = {
  embedded = false,
  labels = { running = "In flight" },
  words = { failures = "New dead letters", failed = "died" },
  alone = "SQS does not know its consumers. `watchbot status --stack NAME` shows a stack's tasks.",
  unlisted = "SQS does not list messages. The page Jobs finds the log of one by its ID.",
  unlisted_failures = "See the dead letters.",
}
Source.__index = Source
for _, methods in ipairs { letters, log } do
  for name, method in pairs(methods) do Source[name] = method end
end

local sqs = {}

---@param url string
---@param number integer
---@param place { log_group: string?, cluster: string?, definition: string?, dead: string? }? of
--- its stack; dead: the URL of its dead-letter queue, default: SQS is asked
---@return watchbot.ConsoleSource
function sqs.new(url, number, place)
  place = place or {}
  return setmetatable({
    url = url, shown = urls.hide(url), number = number, name = url:match "([^/]+)/*$",
    place = place, dead_url = place.dead, figures = {}, running = {}, failed = {}, watchers = {},
    pauses = {},
    hour = minutes.new(), read_letters = {}, measured = -math.huge,
  }, Source)
end

function Source:pause(watched) -- luacheck: ignore 212
  return watched and OFTEN or math.huge
end

local function number(attributes, name)
  return math.tointeger(tonumber(attributes["ApproximateNumberOfMessages" .. name])) or 0
end

-- => how many there are; nil without a dead-letter queue | nil err
local function count_dead(self, queue, attributes)
  local arn = redrive.read(attributes)
  self.dead_url = self.dead_url or arn and redrive.url(arn, queue.name)
  if not self.dead_url then return nil end
  local dead, err = open_queue(self.dead_url)
  if not dead then return nil, err end
  local found
  found, err = dead:counts()
  return found and found.visible + found.in_flight + found.delayed, err
end

local function read(self)
  local queue, err = open_queue(self.url)
  if not queue then return nil, err end
  local attributes
  attributes, err = queue:attributes()
  if not attributes then return nil, err end
  local figures = {
    waiting = number(attributes, ""), running = number(attributes, "NotVisible"),
    delayed = number(attributes, "Delayed"), oldest = self.figures.oldest,
  }
  figures.dead, err = count_dead(self, queue, attributes)
  return figures, err
end

-- A pause is a tag of the queue. Without the permission, nothing is known of pauses.
local function look_for_pauses(self)
  local queue = open_queue(self.url)
  local found = queue and queue:pauses()
  self.pauses = found or {}
end

-- A missing permission for CloudWatch leaves the counts.
local function measure(self)
  if scheduler.now() - self.measured < METRICS then return end
  self.measured = scheduler.now()
  look_for_pauses(self)
  local found, err = hour.read(self.hour, self.url, self.dead_url, scheduler.time())
  if found then self.figures.oldest = found.oldest end
  return err
end

--- Reads the figures again. Waits in a task.
---@param watched boolean? someone looks
function Source:refresh(watched)
  self:return_idle()
  if not watched and next(self.figures) then return end
  local figures, err = read(self)
  self.figures = figures or self.figures
  local problem = measure(self)
  self.problem = err or problem
end

--- The calls of AWS since the console started: "12 GetQueueAttributes, 3 GetMetricData".
---@return string?
function Source:calls() -- luacheck: ignore 212
  local words, all = {}, counts.all "requests"
  for _, service in ipairs(sorted.keys(all)) do
    for _, operation in ipairs(sorted.keys(all[service])) do
      words[#words + 1] = ("%d %s"):format(all[service][operation], operation)
    end
  end
  return "AWS calls since the start: " .. (#words > 0 and table.concat(words, ", ") or "none")
end

--- Returns the letters that were received.
function Source:close() self:return_letters() end

return sqs
