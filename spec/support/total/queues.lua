--- queues: the queues of a total run, each as a place: its URL, the environment of its watchers,
-- and what only the queue itself knows at the end. An SQS queue is in the local AWS, behind the
-- fault proxy, which only the watchers use.

local cjson = require "cjson"
local cloud = require "support.cloud"
local fault_proxy = require "support.fault_proxy"
local http = require "watchbot.http"
local local_aws = require "support.local_aws"
local queue = require "watchbot.queue"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local queues = {}

---@class watchbot.spec.Place
---@field url string
---@field environment table<string, string|false> of its watchers
---@field path string? the file of an embedded queue
---@field proxy table? the fault proxy in front of the local AWS
---@field cloud table? the account of the local AWS

local Embedded = {}
Embedded.__index = Embedded

local function embedded(folder, is_fifo)
  local name = is_fifo and "jobs.fifo" or "jobs.db"
  return setmetatable({
    folder = folder, url = folder:url(name), path = folder:file(name), environment = {},
    queue = assert(queue.open(folder:url(name))),
  }, Embedded)
end

---@param messages { body: string, group: string? }[]
function Embedded:send(messages) assert(self.queue:send(messages)) end

--- How many messages are in the queue, and how many of them are in flight.
function Embedded:counts()
  local counts = assert(self.queue:counts())
  return counts.visible + counts.in_flight + (counts.delayed or 0), counts.in_flight
end

--- Does what a heartbeat does: it reads the queue, and waits for the disk.
function Embedded:probe()
  self:counts()
  if not self.disk then
    self.disk = assert(sqlite.open(self.folder:file "probe.db"))
    assert(self.disk:execute "CREATE TABLE beats (at)")
  end
  assert(self.disk:execute "INSERT INTO beats VALUES (1)")
end

--- The bodies that are queued, and those in the dead-letter queue. It receives all, so it is last.
function Embedded:left()
  local queued, dead = {}, {}
  repeat
    local messages = assert(self.queue:receive(10, 0, 3600))
    for _, message in ipairs(messages) do queued[message.body] = true end
  until #messages == 0
  local _, listed = workshop.run(self.folder, {
    "dead-letter", "list", "--json", "--queue", self.url,
  })
  for body in listed:gmatch '"message":"(%w+)"' do dead[body] = true end
  return queued, dead
end

local function close_cloud(place)
  if not place.cloud then return end
  place.proxy:close()
  place.cloud:close()
end

function Embedded:close()
  self.queue:close()
  if self.disk then self.disk:close() end
  close_cloud(self)
end

local Remote = {}
Remote.__index = Remote

-- The local AWS of a place, behind the proxy.
local function add_cloud(place)
  local server = local_aws.own()
  place.cloud, place.proxy = cloud.of(server), fault_proxy.start(server.url)
  place.cloud:open()
  place.environment = place.cloud:environment(nil, place.proxy.url)
  place.environment.no_proxy = "*"
end

local function remote(is_fifo, options)
  local place = setmetatable({}, Remote)
  add_cloud(place)
  place.url, place.dead = place.cloud:queue {
    fifo = is_fifo, max_receives = options.max_receives, visibility = options.visibility,
  }
  return place
end

local function entries_of(messages, first, count)
  local entries = {}
  for index = first, math.min(first + count - 1, #messages) do
    local one = messages[index]
    entries[#entries + 1] = {
      Id = tostring(index), MessageBody = one.body, MessageGroupId = one.group,
      MessageDeduplicationId = one.group and one.body,
    }
  end
  return entries
end

-- What SQS fails by its own fault is sent again.
local function send_batch(place, entries)
  while #entries > 0 do
    local given = assert(place.cloud.sqs:SendMessageBatch {
      QueueUrl = place.url, Entries = entries,
    })
    local failed, again = {}, {}
    for _, entry in ipairs(given.Failed or {}) do failed[entry.Id] = true end
    for _, entry in ipairs(entries) do
      if failed[entry.Id] then again[#again + 1] = entry end
    end
    entries = again
  end
end

function Remote:send(messages)
  -- One that is sent again must not come behind the next one of its group.
  local count = messages[1].group and 1 or 10
  for first = 1, #messages, count do send_batch(self, entries_of(messages, first, count)) end
end

--- The next messages of which SQS fails an entry of a batch by its own fault: one entry, since what
-- fails for longer than a lease explains a second run.
function Remote:fail_entries(count)
  local response = assert(http.request {
    method = "POST", url = self.cloud.url .. "/knobs", direct = true,
    body = cjson.encode { fail_messages = count },
  })
  assert(response.status == 200, response.body)
end

local function numbers_of(attributes)
  local function number(name) return math.tointeger(tonumber(attributes[name])) end
  return number "ApproximateNumberOfMessages", number "ApproximateNumberOfMessagesDelayed",
    number "ApproximateNumberOfMessagesNotVisible"
end

function Remote:counts()
  local visible, delayed, in_flight = numbers_of(assert(self.cloud.sqs:GetQueueAttributes {
    QueueUrl = self.url, AttributeNames = { "All" },
  }).Attributes)
  return visible + delayed + in_flight, in_flight
end

Remote.probe = Remote.counts

-- Takes all messages out: those of a group that has one in flight cannot be received.
local function bodies_of(account, url)
  local found = {}
  repeat
    local messages = account:messages(url)
    for _, message in ipairs(messages) do
      found[message.Body] = true
      assert(account.sqs:DeleteMessage { QueueUrl = url, ReceiptHandle = message.ReceiptHandle })
    end
  until #messages == 0
  return found
end

function Remote:left()
  return bodies_of(self.cloud, self.url), bodies_of(self.cloud, self.dead)
end

Remote.close = close_cloud

queues.KINDS = {
  embedded = function(folder) return embedded(folder, false) end,
  ["embedded FIFO"] = function(folder) return embedded(folder, true) end,
  SQS = function(_, options) return remote(false, options) end,
  ["SQS FIFO"] = function(_, options) return remote(true, options) end,
}

--- Makes a queue.
---@param kind string one of KINDS
---@param folder table of the workshop
---@param options { visibility: integer, max_receives: integer, runner: string }
---@return watchbot.spec.Place
function queues.open(kind, folder, options)
  local place = assert(queues.KINDS[kind], kind)(folder, options)
  if options.runner == "ECS" and not place.cloud then add_cloud(place) end
  return place
end

--- Whether the messages of a kind have groups.
function queues.is_fifo(kind) return kind:find("FIFO", 1, true) ~= nil end

return queues
