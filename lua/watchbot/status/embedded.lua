--- status.embedded: the state of an embedded queue, from its file. A rate takes two readings, a
-- second apart.

local json = require "watchbot.lib.json"
local numbers = require "watchbot.queue.sqlite.numbers"
local open_queue = require("watchbot.queue").open
local pauses = require "watchbot.status.pauses"
local scheduler = require "watchbot.scheduler"

-- Seconds between the two readings.
local APART = 1

local embedded = {}

local function rates_of(before, after, seconds)
  local sent = after.sent - before.sent
  local done = sent - (after.there - before.there)
  return { sent = sent * 60 / seconds, done = math.max(0, done) * 60 / seconds }
end

local function age_of(traffic)
  return traffic.oldest and math.max(0, scheduler.time() - traffic.oldest) / 1000
end

-- For scripts: times as text.
local function shown(alive)
  local list = json.list {}
  for index, one in ipairs(alive) do
    list[index] = {
      host = one.host, pid = one.pid, version = one.version, policy = one.policy,
      started = scheduler.iso_date(one.started), seen = scheduler.iso_date(one.seen),
      workers = one.workers, running = one.running,
    }
  end
  return list
end

-- Those that are alive, and which version of the policy each of them runs.
local function add_watchers(builder, queue)
  local alive, err = numbers.watchers(queue)
  builder:add({ "watchers" }, alive and { watchers = shown(alive) }, err)
end

--- Adds the figures of a queue. Waits in a task.
---@param builder watchbot.StatusBuilder
---@param url string sqlite:FILE
---@return true? ok
---@return string? err
---@return string? code
function embedded.add(builder, url)
  local queue <close>, err, code = open_queue(url, { read_only = true })
  if not queue then return nil, err, code end
  local before
  before, err, code = queue:traffic()
  if not before then return nil, err, code end
  local started = scheduler.now()
  scheduler.sleep(APART)
  local after
  after, err, code = queue:traffic()
  if not after then return nil, err, code end
  local counts
  counts, err, code = queue:counts()
  if not counts then return nil, err, code end
  builder:add({ "visible", "in_flight", "delayed", "dead" }, counts)
  pauses.add(builder, queue)
  add_watchers(builder, queue)
  builder:add({ "oldest" }, { oldest = age_of(after) })
  builder:add({ "sent", "done" }, rates_of(before, after, scheduler.now() - started))
  return true
end

return embedded
